"""A page's bytes to text, where one bad byte must not cost an article. Pure.

Does not guess by statistics beyond telling UTF-8 from what is not; strict decoding is `connectors.formats.encoding`'s.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from connectors.formats.encoding import UndecodableError, decode_html

UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
UNREADABLE: Final = "\ufffd"
"""Stands for each byte that could not be decoded."""
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_DECLARES: Final = re.compile(rb"charset|encoding", re.IGNORECASE)
_AS_ON_THE_WEB: Final = {"iso8859-1": "cp1252", "ascii": "cp1252"}
"""Encodings that servers name and pages are not in (Encoding Standard, section 4.2)."""


def _nearly_utf_8(body: bytes) -> str | None:
    """Return a text that is UTF-8 but for a few bytes, with U+FFFD for those; None where it is something else.

    Other encodings give the sequences of UTF-8 by chance almost never: where three in four are right, UTF-8 it is.
    """
    text = body.decode("utf-8", errors="replace")
    bad = text.count(UNREADABLE)
    return text if sum(c > "\x7f" for c in text) - bad >= 3 * bad else None


def _as_declared(body: bytes, content_type: str | None) -> str:
    """Decode what the document declares, else what the header does, else windows-1252.

    Raises:
        UndecodableError, UnicodeDecodeError: none of them fits.
        LookupError: no such encoding.
    """
    header = _CHARSET.search(content_type or "")
    if header is None or _DECLARES.search(body[:4096]):
        return decode_html(body)
    name = codecs.lookup(header[1]).name
    return body.decode(_AS_ON_THE_WEB.get(name, name))


def decode_page(body: bytes, content_type: str | None) -> tuple[str, bool]:
    """Return a page's text, and whether all of it could be decoded.

    A byte order mark, else UTF-8 where it is valid UTF-8, else what the document declares, else what the header does,
    else windows-1252. What is UTF-8 but for a few bytes is read as such, with U+FFFD for those: one bad byte in an
    advertisement is no reason to lose an article, still less to read it as windows-1252.
    """
    try:
        return body.decode("utf-16" if body.startswith(UTF_16) else "utf-8-sig"), True
    except UnicodeDecodeError:
        pass
    if body.startswith(UTF_16):
        return body.decode("utf-16", errors="replace"), False
    nearly = _nearly_utf_8(body)
    if nearly is not None:
        return nearly, False
    try:
        return _as_declared(body, content_type), True
    except (UndecodableError, UnicodeDecodeError, LookupError):
        return body.decode("utf-8", errors="replace"), False
