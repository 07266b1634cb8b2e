"""WARC records as the tests need them, right and wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

DATE = "2021-03-04T05:06:07Z"


def page(text: str, *, title: str = "Titre") -> bytes:
    body = "".join(f"<p>{part}</p>" for part in text.split("\n"))
    head = f"<head><title>{title}</title></head>"
    return f"<!DOCTYPE html><html>{head}<body><article>{body}</article></body></html>".encode()


def http_record(
    url: str | None = "https://www.journal.example/a",
    body: bytes = b"<p>Bonjour</p>",
    *,
    status: str = "200 OK",
    content_type: str | None = "text/html; charset=utf-8",
    headers: Mapping[str, str] | None = None,
    date: str | None = DATE,
    kind: str = "response",
    block: bytes | None = None,
) -> bytes:
    """Write one record."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    if block is None:
        block = "\r\n".join([*lines, "", ""]).encode() + body
    head = ["WARC/1.0", f"WARC-Type: {kind}", "Content-Type: application/http;msgtype=response"]
    head += [f"WARC-Target-URI: {url}"] if url is not None else []
    head += [f"WARC-Date: {date}"] if date is not None else []
    head += ["WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000001>", f"Content-Length: {len(block)}", "", ""]
    return "\r\n".join(head).encode() + block + b"\r\n\r\n"


def archive(pages: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """Write the records of an archive as crawlers do: a warcinfo, then request, response and an image for each page."""
    records = [http_record(None, kind="warcinfo", block=b"software: tests\r\n")]
    for url, body in pages:
        records += [
            http_record(url, kind="request", block=b"GET / HTTP/1.1\r\nHost: journal.example\r\n\r\n"),
            http_record(url, body),
            http_record(f"{url}.png", b"\x89PNG" + body, content_type="image/png"),
        ]
    return records
