"""Keeps secrets out of the log: what is written by anyone in the process, libraries and tracebacks among them.

The last line of defence: nobody should hand a secret to a logger in the first place. A secret that is written in
another form (base64, say) is not recognised.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from connectors.urls import MASK, masked
from depeche.settings import Settings
from depeche.settings_fields import SecretUrl

_SHORTEST: Final = 4
"""Characters of a secret that is looked for; a shorter one would be found in every other word."""


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Return the secrets that the settings hold: of a URL its password alone."""
    found: list[str] = []
    for name in type(settings).model_fields:
        match getattr(settings, name):
            case SecretUrl() as url:
                password = urlsplit(url.get_secret_value()).password
                found += [password, unquote(password)] if password else []
            case SecretStr() as secret:
                found.append(secret.get_secret_value())
            case _:
                pass
    return tuple(found)


class RedactingFormatter(logging.Formatter):
    """Formats as its parent, then masks secrets, and credentials in URLs."""

    def __init__(self, secrets: Iterable[str], *, fmt: str, datefmt: str) -> None:
        """Take the secrets, and the format."""
        super().__init__(fmt, datefmt)
        forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), repr(secret)[1:-1])}
        # The longest first: one may be the beginning of another.
        self._forms = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or the lines of a traceback."""
        text = super().format(record)
        for form in self._forms:
            text = text.replace(form, MASK)
        return masked(text)
