import gzip
import zlib

import pytest

from connectors.web.decompression import ContentCodingError, TooLargeError, decoded_body

BODY = b"<rss>" + b"nouvelle " * 1000 + b"</rss>"
RAW_DEFLATE = zlib.compress(BODY)[2:-4]


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (BODY, None),
        (BODY, "identity"),
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY), "X-GZIP"),
        (gzip.compress(BODY[:50]) + gzip.compress(BODY[50:]), "gzip"),
        (gzip.compress(BODY) + b"\x00" * 100, "gzip"),
        (gzip.compress(BODY), None),
        (BODY, "gzip"),
        (gzip.compress(gzip.compress(BODY)), "gzip"),
        (zlib.compress(BODY), "deflate"),
        (RAW_DEFLATE, "deflate"),
        (zlib.compress(gzip.compress(BODY)), "gzip, deflate"),
    ],
)
def test_codings_are_undone(body: bytes, coding: str | None) -> None:
    assert decoded_body(body, coding, limit=len(BODY)) == BODY


@pytest.mark.parametrize("kept", [1, 5, 30, -9, -1])
@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_truncated_body_is_an_error(compress: object, kept: int) -> None:
    coding = "gzip" if compress is gzip.compress else "deflate"
    whole = gzip.compress(BODY) if coding == "gzip" else zlib.compress(BODY)
    if coding == "gzip" and kept == 1:
        assert decoded_body(whole[:1], coding, limit=10**6) == b"\x1f"  # too short to be told from a body sent plain
        return
    with pytest.raises(ContentCodingError):
        decoded_body(whole[:kept], coding, limit=10**6)


def test_a_damaged_body_is_an_error() -> None:
    whole = bytearray(gzip.compress(BODY))
    whole[-6] ^= 0xFF
    with pytest.raises(ContentCodingError, match="damaged"):
        decoded_body(bytes(whole), "gzip", limit=10**6)


def test_a_coding_that_was_not_asked_for_is_an_error() -> None:
    with pytest.raises(ContentCodingError, match="'compress'"):
        decoded_body(BODY, "compress", limit=10**6)


def test_a_bomb_stops_at_the_cap() -> None:
    bomb = gzip.compress(b"\x00" * 50_000_000)
    for body, coding in ((bomb, "gzip"), (gzip.compress(bomb), "gzip"), (bomb * 3, None)):
        with pytest.raises(TooLargeError):
            decoded_body(body, coding, limit=1_000_000)
    with pytest.raises(TooLargeError):
        decoded_body(BODY, None, limit=len(BODY) - 1)
