"""HTTP content codings undone as the body arrives: bounded, and to their end.

gzip, deflate, br and zstd, one over another too. aiohttp's own decoding takes a truncated gzip body for a complete
one, and gives a bomb back in one piece, so it is off and this stands in. What is held at a time is the result, at most
the limit, and a step of 256 kB; beside that the window that a coding itself needs: 32 kB for gzip and deflate, 8 MB
for zstd (RFC 9659), 16 MB for br. No stage puts out more than the limit, so neither memory nor processor time can be
made to explode by codings within codings. Does not know what the body is.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Final, Protocol

import brotli  # type: ignore[import-untyped] # it has no stubs
from backports import zstd

ACCEPTED: Final = "gzip, deflate, br, zstd"
"""The Accept-Encoding header."""
MAX_CODINGS: Final = 3
"""One over another. Servers that compress twice by mistake exist; more than that is an attack."""
_MAX_MEMBERS: Final = 1_000
"""Of one gzip body, or frames of one zstd body: an empty one costs its sender 20 bytes, and us an object."""
_STEP: Final = 256 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE: Final = tuple(bytes((0x50 + n, 0x2A, 0x4D, 0x18)) for n in range(16))
_ZSTD_WINDOW_LOG: Final = 23
"""8 MB: what RFC 9659 lets a server use, and a client must take, for the content coding zstd."""
_MAGIC_BYTES: Final = 4
_NO_CODING: Final = frozenset({"", "identity", "none", "utf-8", "utf8"})
"""Servers confuse the header with the charset; nothing is compressed then."""

_TOO_DEEP: Final = f"more than {MAX_CODINGS} content codings one over another"

Sink = Callable[[bytes], object]


class ContentCodingError(ValueError):
    """The body is not what its coding says, or breaks off."""


class TooLargeError(ValueError):
    """The body, decompressed, is over the limit."""


class _Stream(Protocol):
    """One member or frame of a coding, or all of one that has none."""

    def feed(self, data: bytes, sink: Sink) -> bytes | None:
        """Decompress; None while the stream goes on, else what follows its end."""
        ...


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._stream = zlib.decompressobj(window_bits)

    def feed(self, data: bytes, sink: Sink) -> bytes | None:
        while True:
            try:
                piece = self._stream.decompress(data, _STEP)
            except zlib.error as error:
                msg = f"damaged compressed body: {error}"
                raise ContentCodingError(msg) from error
            if piece:
                sink(piece)
            if self._stream.eof:
                return self._stream.unused_data
            data = self._stream.unconsumed_tail
            if not data and len(piece) < _STEP:
                return None


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})

    def feed(self, data: bytes, sink: Sink) -> bytes | None:
        while True:
            try:
                piece = self._stream.decompress(data, _STEP)
            except zstd.ZstdError as error:
                msg = f"damaged compressed body: {error}"
                raise ContentCodingError(msg) from error
            if piece:
                sink(piece)
            if self._stream.eof:
                return self._stream.unused_data
            if self._stream.needs_input:
                return None
            data = b""


class _Brotli:
    """brotli's Python module takes any byte after the end for damage, and so do we."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def feed(self, data: bytes, sink: Sink) -> bytes | None:
        while True:
            try:
                piece = self._stream.process(data, output_buffer_limit=_STEP)
            except brotli.error as error:
                msg = f"damaged compressed body: {error}"
                raise ContentCodingError(msg) from error
            if piece:
                sink(piece)
            if self._stream.is_finished():
                return b""
            if self._stream.can_accept_more_data():
                return None
            data = b""


def _gzip() -> _Stream:
    return _Zlib(16 + zlib.MAX_WBITS)


def _deflate(head: bytes) -> _Stream:
    # RFC 9110 section 8.4.1.2 means zlib's format; some servers send the raw one.
    is_zlib = len(head) >= 2 and head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
    return _Zlib(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


def _opener(coding: str | None, head: bytes) -> tuple[Callable[[], _Stream] | None, tuple[bytes, ...]]:
    """Choose by coding (None: not declared) and first bytes what undoes it, and what another member starts with.

    A body that does not start as gzip or zstd does is taken as plain whatever the header says, and one that does
    is taken as that: servers forget the header, and leave it where a proxy has undone the coding.
    """
    if coding in {None, "gzip", "x-gzip"} and head.startswith(_GZIP_MAGIC):
        return _gzip, (_GZIP_MAGIC,)
    if coding in {None, "zstd"} and head.startswith((_ZSTD_MAGIC, *_ZSTD_SKIPPABLE)):
        return _Zstd, (_ZSTD_MAGIC, *_ZSTD_SKIPPABLE)
    if coding == "deflate":
        return lambda: _deflate(head), ()
    if coding == "br":
        return _Brotli, ()
    return None, ()


class _Stage:
    """Undoes one coding and hands the result on to the next stage."""

    def __init__(self, coding: str | None, limit: int, following: _Stage | _Result, depth: int) -> None:
        """Prepare.

        Args:
            coding: as declared; None to look for one that is not.
            limit: bytes that may be handed on.
            following: the next stage.
            depth: how many codings are undone when this one is.
        """
        self._coding = coding
        self._limit = limit
        self._following = following
        self._depth = depth
        self._take: Callable[[bytes], bytes] = self._begin
        """Takes bytes in as they are now to be understood; returns those that are to be understood otherwise."""
        self._head = b""
        """Bytes that are too few to judge."""
        self._opener: Callable[[], _Stream] = _gzip
        self._starts: tuple[bytes, ...] = ()
        self._stream: _Stream
        self._members = 0
        self._size = 0

    def feed(self, data: bytes) -> None:
        while data:
            data = self._take(data)

    def end(self) -> None:
        if self._head and self._take == self._begin:
            self.feed(self._start())
        if self._take == self._within:
            msg = "the compressed body breaks off"
            raise ContentCodingError(msg)
        self._following.end()

    def _begin(self, data: bytes) -> bytes:
        self._head += data
        return self._start() if len(self._head) >= _MAGIC_BYTES else b""

    def _start(self) -> bytes:
        """Judge the first bytes."""
        head, self._head = self._head, b""
        opener, self._starts = _opener(self._coding, head)
        if opener is None:
            self._take = self._pass_on
            return head
        if self._depth > MAX_CODINGS:
            raise ContentCodingError(_TOO_DEEP)
        if self._coding is None:
            self._following = _Stage(None, self._limit, self._following, self._depth + 1)
        self._opener = opener
        self._open()
        return head

    def _open(self) -> None:
        self._members += 1
        if self._members > _MAX_MEMBERS:
            msg = f"more than {_MAX_MEMBERS} compressed pieces in one body"
            raise ContentCodingError(msg)
        self._stream = self._opener()
        self._take = self._within

    def _within(self, data: bytes) -> bytes:
        rest = self._stream.feed(data, self._pass_on)
        if rest is None:
            return b""
        self._take = self._between
        return rest

    def _between(self, data: bytes) -> bytes:
        """Judge what follows a member: another, or something to be ignored."""
        head = self._head + data
        if len(head) < _MAGIC_BYTES:
            self._head = head
            return b""
        self._head = b""
        if not head.startswith(self._starts):
            self._take = self._ignore
            return b""
        self._open()
        return head

    def _ignore(self, data: bytes) -> bytes:  # noqa: ARG002 - the signature is `_take`'s
        return b""

    def _pass_on(self, piece: bytes) -> bytes:
        self._size += len(piece)
        if self._size > self._limit:
            msg = f"more than {self._limit} bytes when decompressed"
            raise TooLargeError(msg)
        self._following.feed(piece)
        return b""


class _Result:
    def __init__(self) -> None:
        self._written = io.BytesIO()

    def feed(self, data: bytes) -> None:
        self._written.write(data)

    def end(self) -> None:
        pass

    def value(self) -> bytes:
        return self._written.getvalue()


class Decoder:
    """Undoes the codings of one body, fed piece by piece.

    What follows the end of a stream and does not start another of its kind is ignored (gzip, zstd, deflate), as
    browsers and gzip itself do: the stream's own end and checksum have said that the content is whole. An empty body
    is an empty body whatever its coding.
    """

    def __init__(self, content_encoding: str | None, *, limit: int) -> None:
        """Prepare.

        Args:
            content_encoding: the header; all its lines joined by commas.
            limit: bytes that the result, and each step on the way, may have.

        Raises:
            ContentCodingError: a coding that was not asked for, or too many.
        """
        codings = [coding.strip().lower() for coding in (content_encoding or "").split(",")]
        codings = [coding for coding in codings if coding not in _NO_CODING]
        for coding in codings:
            if coding not in {"gzip", "x-gzip", "deflate", "br", "zstd"}:
                msg = f"content coding {coding[:40]!r}, which was not asked for"
                raise ContentCodingError(msg)
        if len(codings) > MAX_CODINGS:
            raise ContentCodingError(_TOO_DEEP)
        self._result = _Result()
        # The last that was applied is listed last and undone first; what nobody declared is looked for at the end.
        stage = _Stage(None, limit, self._result, len(codings) + 1)
        for depth, coding in enumerate(codings):
            stage = _Stage(coding, limit, stage, len(codings) - depth)
        self._first = stage

    def feed(self, data: bytes) -> None:
        """Take in the next bytes.

        Raises:
            ContentCodingError: damaged.
            TooLargeError: over the limit.
        """
        self._first.feed(data)

    def finish(self) -> bytes:
        """Return the body.

        Raises:
            ContentCodingError: it breaks off.
            TooLargeError: over the limit.
        """
        self._first.end()
        return self._result.value()


def decoded_body(body: bytes, content_encoding: str | None, *, limit: int) -> bytes:
    """Return a whole body without its content codings.

    Raises:
        ContentCodingError: damaged, truncated, or of a coding that was not asked for.
        TooLargeError: over `limit` bytes.
    """
    decoder = Decoder(content_encoding, limit=limit)
    for start in range(0, len(body), _STEP):
        decoder.feed(body[start : start + _STEP])
    return decoder.finish()
