"""The coder for commands at a terminal: what is wrong in its lexicon is told in a line, for whoever is writing it."""

from __future__ import annotations

from depeche.exits import MisuseError
from streams.coding.coder import Coder, load_coder
from streams.coding.language import CODED_LANGUAGES
from streams.coding.lexicon import load_lexicon


def checked_coder() -> Coder:
    """Return a coder for all languages.

    Raises:
        MisuseError: if a lexicon file is wrong; the message names the file and the entry.
    """
    for language in CODED_LANGUAGES:
        try:
            load_lexicon(language)
        except ValueError as exc:
            raise MisuseError(f"the lexicon can't be used: {exc}") from exc
    return load_coder()
