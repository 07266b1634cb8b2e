"""What every message on a topic has in common: frozen, strict, nothing extra, times in UTC.

Does not know any particular message.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

SCHEMA_VERSION: Literal["1"] = "1"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as exc:
        msg = f"{value.isoformat()} is outside the years 1 to 9999 in UTC"
        raise ValueError(msg) from exc


def is_clean_text(value: str) -> bool:
    """Say whether a text is NFC and can be written as UTF-8 (no lone surrogate)."""
    return unicodedata.is_normalized("NFC", value) and not _SURROGATE.search(value)


def clean_text(value: str) -> str:
    """Return `value` in NFC, each lone surrogate replaced by U+FFFD.

    The one place where a text is changed, and it is before the text becomes an `Article`: from then on
    offsets are code points into it, and no stage edits it.
    """
    if not value.isascii() and not is_clean_text(value):
        return unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", value))
    return value


def _must_be_clean(value: str) -> str:
    if not value.isascii() and not is_clean_text(value):
        msg = "must be NFC and free of lone surrogates, or offsets into it would not survive"
        raise ValueError(msg)
    return value


UtcTime = Annotated[AwareDatetime, AfterValidator(_in_utc), Field(description="UTC, RFC 3339")]
"""A point in time: any offset is read, UTC is written."""

Text = Annotated[str, AfterValidator(_must_be_clean)]
"""A text that offsets may point into: Unicode NFC, no lone surrogates."""

Offset = Annotated[int, Field(ge=0, description="code points from the start of the article's text")]
CountryAlpha2 = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2 (XK for Kosovo)")]
CountryAlpha3 = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 3166-1 alpha-3 (XKX for Kosovo)")]
LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2,3}$", description="ISO 639 language code")]


class Part(BaseModel):
    """A part of a message: immutable, strict about types, refuses fields that it does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        ser_json_inf_nan="null",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


class Message(Part):
    """The value of a record on a topic."""

    schema_version: Literal["1"] = Field(default=SCHEMA_VERSION, description="Raised when a reader must change.")

    def to_bytes(self) -> bytes:
        """Return the record's value: JSON in UTF-8, fields in the order of the model, no white space.

        The same message gives the same bytes, whichever worker writes it.
        """
        return self.model_dump_json().encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """Read a record's value.

        Raises:
            pydantic.ValidationError: the bytes are no JSON, or not of this model; the error names each field.
        """
        return cls.model_validate_json(value)
