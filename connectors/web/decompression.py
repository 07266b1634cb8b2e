"""HTTP content codings undone, bounded and to their end: a bomb stops at the cap, a truncated body is an error.

aiohttp's own decoding takes a truncated gzip body for a complete one, so it is off and this stands in.
Knows gzip and deflate; other codings are never asked for.
"""

from __future__ import annotations

import zlib
from typing import Final

ACCEPTED: Final = "gzip, deflate"
"""The Accept-Encoding header."""
_GZIP_MAGIC: Final = b"\x1f\x8b"


class ContentCodingError(ValueError):
    """The body is not what its coding says, or breaks off."""


class TooLargeError(ValueError):
    """The body, decompressed, is over the cap."""


def _inflate(data: bytes, window_bits: int, limit: int) -> bytes:
    """Decompress all members of a zlib or gzip stream."""
    pieces: list[bytes] = []
    total = 0
    while data:
        member = zlib.decompressobj(window_bits)
        try:
            piece = member.decompress(data, limit - total + 1)
        except zlib.error as error:
            if pieces and not data.strip(b"\x00"):  # padding after the last member
                break
            msg = f"damaged compressed body: {error}"
            raise ContentCodingError(msg) from error
        total += len(piece)
        if total > limit:
            msg = f"more than {limit} bytes when decompressed"
            raise TooLargeError(msg)
        if not member.eof:
            msg = "the compressed body breaks off"
            raise ContentCodingError(msg)
        pieces.append(piece)
        data = member.unused_data
        if not data.startswith(_GZIP_MAGIC):
            break
    return b"".join(pieces)


def decoded_body(body: bytes, content_encoding: str | None, *, limit: int) -> bytes:
    """Return a body without its content codings.

    A body that starts as gzip does is taken as gzip whatever the header says: no feed starts so, and servers
    forget the header.

    Raises:
        ContentCodingError: damaged, truncated, or of a coding that was not asked for.
        TooLargeError: over `limit` bytes.
    """
    codings = [coding.strip().lower() for coding in (content_encoding or "").split(",")]
    for coding in reversed([coding for coding in codings if coding not in {"", "identity"}]):
        if coding in {"gzip", "x-gzip"}:
            if body.startswith(_GZIP_MAGIC):
                body = _inflate(body, 16 + zlib.MAX_WBITS, limit)
        elif coding == "deflate":
            # RFC 9110 section 8.4.1.2 means zlib's format; some servers send the raw one.
            is_zlib = len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
            body = _inflate(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS, limit)
        else:
            msg = f"content coding {coding[:40]!r}, which was not asked for"
            raise ContentCodingError(msg)
    if body.startswith(_GZIP_MAGIC):
        body = _inflate(body, 16 + zlib.MAX_WBITS, limit)
    if len(body) > limit:
        msg = f"more than {limit} bytes"
        raise TooLargeError(msg)
    return body
