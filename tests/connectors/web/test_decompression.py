import gzip
import os
import tracemalloc
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped] # it has no stubs
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from connectors.web.decompression import ContentCodingError, Decoder, TooLargeError, decoded_body

BODY = b"<rss>" + b"nouvelle " * 1000 + b"</rss>"
RAW_DEFLATE = zlib.compress(BODY)[2:-4]
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


def in_small_pieces(body: bytes, coding: str | None, limit: int, step: int = 1) -> bytes:
    decoder = Decoder(coding, limit=limit)
    for start in range(0, len(body), step):
        decoder.feed(body[start : start + step])
    return decoder.finish()


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (BODY, None),
        (BODY, "identity"),
        (BODY, "UTF-8"),
        (BODY, "none"),
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY), "X-GZIP"),
        (gzip.compress(BODY), None),
        (BODY, "gzip"),
        (BODY, "zstd"),
        (gzip.compress(BODY[:50]) + gzip.compress(BODY[50:]), "gzip"),
        (gzip.compress(gzip.compress(BODY)), "gzip"),
        (gzip.compress(gzip.compress(BODY)), None),
        (gzip.compress(gzip.compress(gzip.compress(BODY))), "gzip, gzip"),
        (zlib.compress(BODY), "deflate"),
        (RAW_DEFLATE, "deflate"),
        (zlib.compress(gzip.compress(BODY)), "gzip, deflate"),
        (brotli.compress(BODY), "br"),
        (brotli.compress(gzip.compress(BODY)), "gzip,br"),
        (gzip.compress(brotli.compress(BODY)), "br , gzip,"),
        (zstd.compress(BODY), "zstd"),
        (zstd.compress(BODY), None),
        (zstd.compress(BODY), "gzip"),
        (gzip.compress(zstd.compress(BODY)), "gzip"),
        (zstd.compress(BODY[:50]) + SKIPPABLE + zstd.compress(BODY[50:]), "zstd"),
        (SKIPPABLE + zstd.compress(BODY), "zstd"),
    ],
)
def test_codings_are_undone(body: bytes, coding: str | None) -> None:
    assert decoded_body(body, coding, limit=len(BODY)) == BODY
    assert in_small_pieces(body, coding, len(BODY)) == BODY


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("garbage", [b"\x00" * 100, b"\n", b"<!-- served in 3 ms -->", b"\x1f", b"\x28\xb5\x2f"])
def test_what_follows_the_end_is_ignored(coding: str, garbage: bytes) -> None:
    body = CODINGS[coding](BODY) + garbage
    assert decoded_body(body, coding, limit=len(BODY)) == BODY
    assert in_small_pieces(body, coding, len(BODY)) == BODY


def test_what_follows_the_end_of_br_is_damage() -> None:
    with pytest.raises(ContentCodingError):
        decoded_body(brotli.compress(BODY) + b"\n\n\n\n", "br", limit=len(BODY))


@pytest.mark.parametrize("coding", [*CODINGS, None])
def test_an_empty_body_is_empty_whatever_its_coding(coding: str | None) -> None:
    assert decoded_body(b"", coding, limit=0) == b""


@pytest.mark.parametrize("kept", [5, 30, -9, -1])
@pytest.mark.parametrize("coding", CODINGS)
def test_a_truncated_body_is_an_error(coding: str, kept: int) -> None:
    whole = CODINGS[coding](BODY)[:kept]
    with pytest.raises(ContentCodingError):
        decoded_body(whole, coding, limit=10**6)
    with pytest.raises(ContentCodingError):
        in_small_pieces(whole, coding, 10**6)


def test_a_member_that_breaks_off_is_an_error() -> None:
    with pytest.raises(ContentCodingError, match="breaks off"):
        decoded_body(gzip.compress(BODY) + gzip.compress(BODY)[:20], "gzip", limit=10**6)


def test_too_little_to_be_told_from_a_body_sent_plain_is_taken_as_that() -> None:
    assert decoded_body(b"\x1f", "gzip", limit=10) == b"\x1f"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_wrong_checksum_is_an_error(coding: str) -> None:
    whole = bytearray(CODINGS[coding](BODY))
    whole[-5 if coding == "gzip" else -1] ^= 0xFF
    with pytest.raises(ContentCodingError, match="damaged"):
        decoded_body(bytes(whole), coding, limit=10**6)


@pytest.mark.parametrize("coding", ["compress", "gzip, compress", "\udce9", "aes128gcm"])
def test_a_coding_that_was_not_asked_for_is_an_error(coding: str) -> None:
    with pytest.raises(ContentCodingError, match="not asked for"):
        Decoder(coding, limit=10**6)


def test_more_codings_than_anyone_means_are_an_error() -> None:
    with pytest.raises(ContentCodingError, match="more than 3"):
        Decoder("gzip, br, zstd, deflate", limit=10**6)
    four = gzip.compress(gzip.compress(gzip.compress(gzip.compress(BODY))))
    for coding in (None, "gzip", "gzip, gzip, gzip"):
        with pytest.raises(ContentCodingError, match="more than 3"):
            decoded_body(four, coding, limit=10**6)


def test_a_window_over_what_the_coding_allows_is_an_error() -> None:
    parameter = zstd.CompressionParameter
    compressor = zstd.ZstdCompressor(options={parameter.window_log: 27, parameter.compression_level: 3})
    body = compressor.compress(os.urandom(1 << 20)) + compressor.flush()
    with pytest.raises(ContentCodingError, match="damaged"):
        decoded_body(body, "zstd", limit=10**7)


LIMIT = 1_000_000


def _bombs() -> dict[str, tuple[bytes, str | None]]:
    zeros = b"\x00" * 50_000_000
    bombs = {coding: compress(zeros) for coding, compress in CODINGS.items()}
    return {
        **{coding: (bomb, coding) for coding, bomb in bombs.items()},
        "gzip, undeclared": (bombs["gzip"], None),
        "gzip, many members": (bombs["gzip"] * 3, "gzip"),
        "gzip in gzip": (gzip.compress(bombs["gzip"]), "gzip, gzip"),
        "gzip in gzip, undeclared": (gzip.compress(bombs["gzip"]), None),
        "zstd in br": (brotli.compress(bombs["zstd"]), "zstd, br"),
        "br in zstd": (zstd.compress(bombs["br"]), "br, zstd"),
        "plain": (b"x" * (LIMIT + 1), None),
        "a bomb of what is ignored": (gzip.compress(gzip.compress(b"x") + zeros), "gzip, gzip"),
    }


@pytest.mark.parametrize(("body", "coding"), _bombs().values(), ids=_bombs())
def test_a_bomb_stops_at_the_limit_and_takes_no_more_memory(body: bytes, coding: str | None) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            decoded_body(body, coding, limit=LIMIT)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * LIMIT


@pytest.mark.parametrize(
    "piece", [gzip.compress(b""), zstd.compress(b""), SKIPPABLE], ids=["gzip", "zstd", "skippable"]
)
def test_endless_empty_pieces_are_refused_before_they_cost_time(piece: bytes) -> None:
    with pytest.raises(ContentCodingError, match="more than 1000"):
        decoded_body(piece * 500_000, None, limit=10**7)


def test_the_result_may_be_as_large_as_the_limit() -> None:
    body = os.urandom(LIMIT)
    for coding, compress in CODINGS.items():
        if coding != "br":  # random bytes grow
            assert decoded_body(compress(body), coding, limit=LIMIT) == body
    with pytest.raises(TooLargeError):
        decoded_body(BODY, None, limit=len(BODY) - 1)


@given(st.binary(max_size=300), st.sampled_from([*CODINGS, None, "gzip, br"]), st.integers(1, 50))
def test_garbage_ends_in_a_body_or_in_an_error_that_is_foreseen(body: bytes, coding: str | None, step: int) -> None:
    try:
        whole: bytes | None = decoded_body(body, coding, limit=1000)
    except (ContentCodingError, TooLargeError):
        whole = None
    try:
        pieces: bytes | None = in_small_pieces(body, coding, 1000, step)
    except (ContentCodingError, TooLargeError):
        pieces = None
    assert whole == pieces


@given(st.binary(max_size=2000), st.lists(st.sampled_from([*CODINGS]), max_size=3), st.integers(1, 500))
def test_whatever_was_coded_comes_back(body: bytes, codings: list[str], step: int) -> None:
    body = b"<" + body  # a body that itself starts as gzip or zstd does would be undone too
    coded = body
    for coding in codings:
        coded = CODINGS[coding](coded)
    limit = max(len(coded), len(body)) + 1000
    assert in_small_pieces(coded, ", ".join(codings), limit, step) == body
