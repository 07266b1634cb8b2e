"""The trained models of a language: read from ``data/learned``, none where there are no coded articles to train on.

How they were trained, on what, and how well they do on articles that they have not seen: docs/learned.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from streams.coding.data_files import list_files, read_yaml
from streams.coding.linear_model import read_model
from streams.coding.party_choice import LinearPartyRanker, PartyRanker
from streams.coding.recognition import LinearRecogniser, Recogniser


@dataclass(frozen=True, slots=True)
class Learned:
    """What decides for a language beside the lexicon and the rules."""

    recogniser: Recogniser | None = None
    ranker: PartyRanker | None = None


#: A language that is read by the lexicon and the rules alone.
UNLEARNED = Learned()

_FOLDER = "learned"


def learned_files() -> tuple[str, ...]:
    """Return the paths of all models and of their settings."""
    return (*list_files(_FOLDER, ".tsv.gz"), *list_files(_FOLDER, ".yaml"))


@lru_cache(maxsize=4)
def load_learned(language: str) -> Learned:
    """Return the models of a language; :data:`UNLEARNED` where it has none.

    Raises:
        ValueError: if a file is wrong; the message names it.
    """
    path = f"{_FOLDER}/{language}"
    if f"{path}.yaml" not in learned_files():
        return UNLEARNED
    settings = read_yaml(f"{path}.yaml")
    return Learned(
        LinearRecogniser(read_model(f"{path}-triggers.tsv.gz"), float(settings["least_probability"])),
        LinearPartyRanker(
            read_model(f"{path}-actors.tsv.gz"), read_model(f"{path}-targets.tsv.gz"), float(settings["nobody"])
        ),
    )
