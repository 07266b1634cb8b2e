"""Which of a feed's items must be read, given the hashes of those that were read before. Pure.

An item is told by a hash over itself as written. Deciding what is new looks at some items together: those that share
a guid or a link (see `connectors.decide`). So an unknown item takes along all that share an identity with it, known
or not. Does not decide anything itself: reading too much costs time, reading too little would cost articles.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Final

from connectors.urls import moved_key

READING: Final = b"1"
"""Number of the way of reading. It is in every hash: raised when entries are read differently, it has all items of all
feeds read anew."""
_IMAGES: Final = ((b"&lt;img", b"&gt;"), (b"&lt;IMG", b"&gt;"), (b"<img", b">"), (b"<IMG", b">"))
"""How images start and end, escaped and not."""
_PLAIN_PLACE: Final = re.compile(r"[\w./,;:@!$'()*+~=-]*(?:\?[a-z]{1,2}=\w+)?", re.ASCII)
"""A path, or one with a single parameter as short as no tracking parameter is: `/?p=17`."""


def _without_images(markup: bytes) -> bytes:
    for start, end in _IMAGES:
        before, *rest = markup.split(start)
        if rest:
            after = (piece.partition(end) for piece in rest)
            markup = before + b"".join(tail if found else start + piece for piece, found, tail in after)
    return markup


def raw_hash(*parts: bytes) -> str:
    """Return the hash by which an item is known: SHA-256, its first 32 hexadecimal digits.

    Indentation, blank lines and line ends do not count. Images do not count either: their addresses change with each
    fetch of some feeds (counting pixels, signed links), and no image is in an entry (`connectors.formats.html_text`).

    Args:
        parts: what the item says, without what changes by itself; markup as in an XML document, escaped or not.
    """
    hashed = hashlib.sha256(READING)
    for part in parts:
        bare = _without_images(part) if b"img" in part or b"IMG" in part else part
        hashed.update(b"\x00")
        hashed.update(b"\n".join(filter(None, map(bytes.strip, bare.splitlines()))))
    return hashed.hexdigest()[:32]


def place(identity: str) -> str:
    """Return what of a guid or link two entries must have in common to be looked at together.

    Of an address that is what comes after the host (`connectors.urls.moved_key`): http and https, and with and without
    tracking parameters, are one.
    """
    identity = " ".join(identity.split())
    _, slashes, rest = identity.partition("//")
    if not slashes:
        return identity
    path = rest.partition("/")[2]
    if _PLAIN_PLACE.fullmatch(path):  # nothing in it that would be read differently: the common case, and quick
        return "/" + path.rstrip("/")
    return moved_key(identity) or identity


def to_read(hashes: Sequence[str], identities: Callable[[int], Collection[str]], known: Collection[str]) -> list[int]:
    """Return the indices of the items to read, in order.

    Args:
        hashes: of the items, in the feed's order.
        identities: gives the guids and links of an item.
        known: hashes of items that were read before.
    """
    unknown = [index for index, one in enumerate(hashes) if one not in known]
    if not unknown or len(unknown) == len(hashes):
        return unknown
    shared: dict[str, list[int]] = defaultdict(list)
    places = [{place(identity) for identity in identities(index)} for index in range(len(hashes))]
    for index, of_item in enumerate(places):
        for one in of_item:
            shared[one].append(index)
    reading = set(unknown)
    waiting = unknown
    while waiting:
        index = waiting.pop()
        for one in places[index]:
            taken_along = [other for other in shared.pop(one, ()) if other not in reading]
            reading.update(taken_along)
            waiting.extend(taken_along)
    return sorted(reading)
