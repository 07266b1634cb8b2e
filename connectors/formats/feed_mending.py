"""The commonest ways in which a document is nearly XML, mended. Pure.

They are bytes cut in a character, control characters, HTML's references, and bare ampersands.

Does not touch a document that needs no mending: call these for one that could not be read as it is.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from html.entities import html5
from typing import Final

_REFERENCE: Final = re.compile(rb"&(?:#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|([A-Za-z][A-Za-z0-9]{1,30});)?")
_XML_NAMES: Final = frozenset({b"amp", b"lt", b"gt", b"quot", b"apos"})
_CONTROLS: Final = bytes(range(9)) + bytes((0x0B, 0x0C)) + bytes(range(0x0E, 0x20))
_BLANKED: Final = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))
_CDATA: Final = (b"<![CDATA[", b"]]>")


def is_wide(body: bytes) -> bool:
    """Say whether a body is in UTF-16 or UTF-32, where bytes are no characters."""
    return body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in body[:64]


@dataclass(frozen=True, slots=True)
class Mended:
    """A body, as good as it could be made."""

    body: bytes
    replaced: int = 0
    """How many places were replaced by U+FFFD."""
    is_utf8: bool = True


def mend_utf8(body: bytes) -> Mended:
    """Replace what is not UTF-8 in a body that is nearly so, as when a text was cut in the middle of a character.

    Read as another encoding for the sake of these bytes, every accent of the feed would become two characters. A body
    of which so much is not UTF-8 that it was never meant to be is left as it is: ten good characters must stand
    against a bad one.
    """
    if is_wide(body):
        return Mended(body, is_utf8=False)
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
        bad = text.count("\ufffd")
        good = sum(not character.isascii() for character in text) - bad
        return Mended(text.encode(), bad) if good >= 10 * bad else Mended(body, is_utf8=False)
    return Mended(body)


def _mended(match: re.Match[bytes]) -> bytes:
    name: bytes | None = match[1]
    if name is None:
        return b"&amp;" if match[0] == b"&" else match[0]
    if name in _XML_NAMES:
        return match[0]
    characters = html5.get(name.decode("ascii") + ";")
    if characters is None:
        return b"&amp;" + match[0][1:]
    return b"".join(b"&#%d;" % ord(character) for character in characters)


def mend_characters(body: bytes) -> bytes:
    """Make blanks of control characters, escape bare ampersands, make numeric references of HTML's (`&nbsp;`).

    In CDATA sections nothing is a reference, so there only control characters are mended.
    """
    if is_wide(body):
        return body
    start, end = _CDATA
    first, *rest = body.translate(_BLANKED).split(start)
    parts = [_REFERENCE.sub(_mended, first)]
    for piece in rest:
        inside, closing, outside = piece.partition(end)
        parts += (start, inside, closing, _REFERENCE.sub(_mended, outside))
    return b"".join(parts)
