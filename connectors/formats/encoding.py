"""Bytes to text, strictly: what can't be decoded is an error that names the byte, never a replacement character.

Does not guess by statistics: a wrong guess is silent mojibake, and offsets into it mean nothing.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED: Final = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)
_DECLARATION_WINDOW: Final = 4096
"""Bytes searched for a declared encoding; the HTML Standard (13.2.3.2) says 1024, real pages are later."""
_WEB_DEFAULT: Final = "cp1252"
"""What the HTML Standard makes of latin-1, us-ascii and nothing declared."""
_READ_AS_WEB_DEFAULT: Final = frozenset({"iso8859-1", "ascii", "cp1252"})


class UndecodableError(ValueError):
    """Bytes that are not text in the encoding that they have or declare."""


def _strictly(data: bytes, encoding: str, *, declared: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        byte = data[error.start : error.start + 1].hex()
        msg = f"not {declared}: byte 0x{byte} at offset {error.start} ({error.reason})"
        raise UndecodableError(msg) from error


def _after_bom(data: bytes) -> str | None:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _strictly(data[len(bom) :], encoding, declared=encoding.upper())
    return None


def decode_text(data: bytes) -> str:
    """Decode a plain text: UTF-8, or what its byte order mark says. The mark is not part of the text.

    Raises:
        UndecodableError: it is neither; the message names the first offending byte.
    """
    text = _after_bom(data)
    return _strictly(data, "utf-8", declared="UTF-8") if text is None else text


def declared_encoding(data: bytes) -> str | None:
    """Return the encoding that an HTML or XML document declares near its start, as Python names it."""
    for match in _DECLARED.finditer(data[:_DECLARATION_WINDOW]):
        try:
            return codecs.lookup(match[1].decode("ascii")).name
        except LookupError:
            continue
    return None


def decode_html(data: bytes) -> str:
    """Decode an HTML document: byte order mark, else UTF-8 where it is valid UTF-8, else what it declares.

    Valid UTF-8 goes before the declaration: other encodings give it by chance almost never, and servers
    mislabel UTF-8 often. Nothing declared means windows-1252, as the HTML Standard has it.

    Raises:
        UndecodableError: none of them fits.
    """
    text = _after_bom(data)
    if text is not None:
        return text
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = declared_encoding(data)
    if declared is None or declared in _READ_AS_WEB_DEFAULT:
        return _strictly(data, _WEB_DEFAULT, declared=declared or f"UTF-8, nor {_WEB_DEFAULT} (nothing is declared)")
    try:
        return _strictly(data, declared, declared=declared)
    except LookupError as error:  # a codec that is not a text encoding
        msg = f"declares {declared}, which is no text encoding"
        raise UndecodableError(msg) from error
