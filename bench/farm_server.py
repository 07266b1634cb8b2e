"""A farm of feeds on loopback: as many as asked for, on as many hosts, a process of its own. `bench.farm` polls it.

Every address of 127.0.0.0/8 is this machine, so that each host has an address of its own and manners hold between
them. A feed has 30 entries of French text written here and is about 80 KB long; at each request that comes with its
current ETag it answers 304, unless the farm was told to bring something new. Answers nothing else well.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

ENTRIES: Final = 30
FEEDS_PER_HOST: Final = 4
_WORDS: Final = [
    "le",
    "ministre",
    "de",
    "la",
    "défense",
    "a",
    "déclaré",
    "mardi",
    "que",
    "les",
    "négociations",
    "reprendraient",
    "à",
    "Genève",
    "après",
    "la",
    "visite",
    "du",
    "président",
    "dans",
    "la",
    "capitale",
    "où",
    "des",
    "manifestants",
    "ont",
    "bloqué",
    "plusieurs",
    "routes",
    "pendant",
    "que",
    "l'armée",
    "annonçait",
    "un",
    "retrait",
    "partiel",
]


def address_of(number: int, port: int) -> str:
    """Return the URL of a feed: four to a host."""
    host = 2 + number // FEEDS_PER_HOST
    return f"http://127.{1 + host // 65_536}.{host // 256 % 256}.{host % 256}:{port}/feed/{number}"


def _paragraph(number: int) -> str:
    """Return a paragraph as newspapers write it: a link, emphasis, a quotation."""
    chooser = random.Random(number)
    words = [chooser.choice(_WORDS) for _ in range(55)]
    words[5] = f'<a href="https://journal.example/themes/{words[5]}?utm_source=rss">{words[5]}</a>'
    words[20] = f"<strong>{words[20]}</strong>"
    words[33] = f"« <em>{words[33]}</em> »"
    return f"<p>{' '.join(words)}.</p>"


_PARAGRAPHS: Final = tuple(_paragraph(number) for number in range(211))
_SUMMARIES: Final = tuple(" ".join(random.Random(number).choices(_WORDS, k=30)) for number in range(97))


def html_of(feed: int, entry: int) -> str:
    """Return an entry's body: a picture and four paragraphs, the same at every call."""
    picture = (
        f'<figure><img src="https://img{feed}.example/{entry}.jpg" alt="Vue"><figcaption>Vue</figcaption></figure>'
    )
    first = feed * 31 + entry * 7
    return picture + "".join(_PARAGRAPHS[(first + 53 * number) % len(_PARAGRAPHS)] for number in range(4))


def entry_of(feed: int, entry: int) -> str:
    """Return an entry as RSS."""
    link = f"https://journal{feed}.example/articles/{entry}"
    return (
        f"<item><title>Dépêche {entry} du fil {feed}</title><link>{link}</link><guid>{link}</guid>"
        f"<pubDate>Sun, 01 Mar 2026 {entry // 60 % 24:02}:{entry % 60:02}:00 +0100</pubDate>"
        f"<description>{_SUMMARIES[(feed * 13 + entry) % len(_SUMMARIES)]}</description>"
        f"<content:encoded><![CDATA[{html_of(feed, entry)}]]></content:encoded></item>"
    )


def body_of(feed: int, version: int) -> bytes:
    """Return a feed that has brought `version` entries beyond its first 30, the newest first."""
    entries = "".join(entry_of(feed, number) for number in range(version + ENTRIES - 1, version - 1, -1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        f"<title>Fil {feed}</title><link>https://journal{feed}.example/</link><language>fr</language>"
        f"{entries}</channel></rss>"
    ).encode()


@dataclass(slots=True)
class Farm:
    """What is served. `changing` is the share of requests that find a new entry."""

    changing: float
    versions: dict[int, int]
    requests: int = 0
    unchanged: int = 0
    chooser: random.Random = random.Random(20)  # noqa: RUF009 - one farm a process

    def answer(self, path: str, etag: str | None) -> bytes:
        """Return a response to a request for a path."""
        if path.startswith("/feed/"):
            return self._feed(int(path.removeprefix("/feed/")), etag)
        if path.startswith("/set"):
            self.changing = float(parse_qs(urlsplit(path).query)["changing"][0])
        body = json.dumps({"requests": self.requests, "unchanged": self.unchanged, "new": sum(self.versions.values())})
        return _response("200 OK", body.encode(), "application/json")

    def _feed(self, number: int, etag: str | None) -> bytes:
        self.requests += 1
        version = self.versions.get(number, 0)
        if etag is not None and self.chooser.random() < self.changing:
            version = self.versions[number] = version + 1
        if etag == f'"{version}"':
            self.unchanged += 1
            return b"HTTP/1.1 304 Not Modified\r\nETag: " + etag.encode() + b"\r\n\r\n"
        return _response("200 OK", body_of(number, version), "application/rss+xml", etag=f'"{version}"')


def _response(status: str, body: bytes, media_type: str, *, etag: str | None = None) -> bytes:
    validator = f"ETag: {etag}\r\n" if etag else ""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\n{validator}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Connection(asyncio.Protocol):
    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type
        if not transport.get_extra_info("peername")[0].startswith("127."):
            transport.abort()
            return
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while b"\r\n\r\n" in self._read and self._transport is not None:
            head, self._read = self._read.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            self._transport.write(self._farm.answer(lines[0].split()[1], headers.get("if-none-match")))


async def serve(changing: float) -> None:
    """Serve until killed; the port is printed first."""
    farm = Farm(changing, {})
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(farm),
        "0.0.0.0",  # noqa: S104 - all of 127.0.0.0/8
        0,
        backlog=2_000,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
