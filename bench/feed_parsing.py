"""How fast a feed with one new entry is read, beside plain feedparser in the same process.

    python -m bench.feed_parsing [--seconds 3]

Prints feeds per second and ratios; asserts nothing, as machines differ. The feeds are made here, of words drawn at
random: what is measured is reading, not language.
"""

from __future__ import annotations

import argparse
import io
import random
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import feedparser

from connectors.formats.feed_read import read_feed

ENTRIES: Final = 30
"""Entries of the feed; one of them is new."""
_ROUND: Final = 5
"""Feeds between two looks at the clock."""
_URL: Final = "https://journal.example/rss.xml"
_WORDS: Final = (
    *("le", "la", "un", "une", "de", "du", "des", "à", "au", "et", "ou", "mais", "dans", "sur", "avec", "pour"),
    *("gouvernement", "ministre", "préfet", "maire", "grève", "accord", "élection", "marché", "hausse", "réforme"),
    *("loi", "port", "usine", "hôpital", "école", "région", "été", "année", "mardi", "après-midi", "déclaré"),
)
_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom"'
    ' xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:slash="http://purl.org/rss/1.0/modules/slash/">'
    "<channel><title>Journal</title><link>https://journal.example/</link><description>Tout</description>"
    "<language>fr-FR</language><sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>1</sy:updateFrequency>"
    f'<atom:link href="{_URL}" rel="self" type="application/rss+xml"/>\n'
)


@dataclass(frozen=True, slots=True)
class Speeds:
    """Feeds per second."""

    feed_bytes: int
    plain: float
    """feedparser as it comes."""
    unsanitised: float
    """feedparser without sanitising and without resolving links, as we call it."""
    one_new: float
    """`read_feed`, one entry unknown."""
    all_new: float
    """`read_feed`, all entries unknown: the first poll."""
    none_new: float
    """`read_feed`, all entries known, in a body that is not the same."""


def make_feed(randomness: random.Random, *, entries: int = ENTRIES, comments: int = 0) -> bytes:
    """Make an RSS feed as news sites have them, with full texts; about 2 KB an entry."""

    def words(number: int) -> str:
        return " ".join(randomness.choices(_WORDS, k=number))

    def entry(number: int) -> str:
        paragraphs = "".join(
            f"<p>{words(50)}, <a href='https://journal.example/t/{number}'>{words(3)}</a>.</p>" for _ in range(4)
        )
        return (
            f"<item>\n\t<title>{words(9)}</title>\n"
            f"\t<link>https://journal.example/actu/{number:05d}-{randomness.randrange(10**9)}.html</link>\n"
            f"\t<dc:creator><![CDATA[{words(2)}]]></dc:creator>\n"
            f"\t<pubDate>Sat, 21 Nov 2026 {number // 60 % 24:02d}:{number % 60:02d}:00 +0100</pubDate>\n"
            f"\t<category>{words(1)}</category>\n"
            f'\t<guid isPermaLink="false">https://journal.example/?p={number}</guid>\n'
            f"\t<description><![CDATA[<p>{words(40)}</p>]]></description>\n"
            f"\t<content:encoded><![CDATA[{paragraphs}]]></content:encoded>\n"
            f"\t<slash:comments>{comments}</slash:comments>\n</item>\n"
        )

    return (_HEAD + "".join(entry(number) for number in range(entries)) + "</channel></rss>\n").encode()


def _best_speeds(works: Sequence[Callable[[], object]], seconds: float) -> list[float]:
    """Run all in turn for about so many seconds each; of each the best round counts, as the others were disturbed."""
    best = [0.0] * len(works)
    until = time.perf_counter() + seconds * len(works)
    while time.perf_counter() < until:
        for index, work in enumerate(works):
            start = time.perf_counter()
            for _ in range(_ROUND):
                work()
            best[index] = max(best[index], _ROUND / (time.perf_counter() - start))
    return best


def measure(*, seconds: float = 3.0, seed: int = 1) -> Speeds:
    """Measure all on one feed, in turn.

    Args:
        seconds: for each.
        seed: of the words.
    """
    body = make_feed(random.Random(seed))
    reading = read_feed(body, url=_URL, content_type=None, known=(), max_entries=5_000)
    hashes = [entry.raw_hash for entry in reading.entries if entry.raw_hash]

    def ours(known: frozenset[str]) -> Callable[[], object]:
        return lambda: read_feed(body, url=_URL, content_type="text/xml", known=known, max_entries=5_000)

    def unsanitised() -> object:
        return feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        plain, without, one_new, all_new, none_new = _best_speeds(
            [
                lambda: feedparser.parse(io.BytesIO(body)),
                unsanitised,
                ours(frozenset(hashes[1:])),
                ours(frozenset()),
                ours(frozenset(hashes)),
            ],
            seconds,
        )
    return Speeds(len(body), plain, without, one_new, all_new, none_new)


def report(speeds: Speeds) -> str:
    """Return the figures as lines for people."""
    rows = (
        ("feedparser", speeds.plain),
        ("feedparser, sanitising and links off", speeds.unsanitised),
        ("read_feed, all entries new", speeds.all_new),
        (f"read_feed, 1 of {ENTRIES} entries new", speeds.one_new),
        ("read_feed, no entry new", speeds.none_new),
    )
    lines = [f"one feed of {ENTRIES} entries, {speeds.feed_bytes / 1000:.0f} kB, in one process"]
    lines += [f"{name:<38} {speed:8.0f} feeds/s  {speed / speeds.plain:5.1f} x feedparser" for name, speed in rows]
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each of the five measurements")
    print(report(measure(seconds=parser.parse_args().seconds)))


if __name__ == "__main__":
    main()
