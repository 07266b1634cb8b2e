"""How fast the coder is: articles per second against those of plain spaCy over the whole texts, in one process.

    python -m bench.speed ARTICLES.jsonl[.gz] [--limit N] [--block 10]

The same articles, in alternating blocks, so that whatever else the machine does falls on all alike: the coder; plain
spaCy, that is `nlp.pipe(texts)` with every component of the model that the coder parses with, as a user would call it;
and the same with the coder's way of multiplying matrices. Prints processor seconds, the ratios, the share of sentences
that were parsed, and, from a pass of its own, the share of the coder's time by stage.

Articles that are not French are left out: one model is compared. Absolute figures are the machine's; read the ratios.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from time import process_time
from typing import ParamSpec, TypeVar
from unittest.mock import patch

import spacy
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # it ships no types

from bench.articles import read_articles
from schemas.article import Article
from streams.coding import coder as coding
from streams.coding.circumstances import Circumstances
from streams.coding.coder import Coder, load_coder
from streams.coding.coreference import Antecedents
from streams.coding.judgement import Judge
from streams.coding.language import detect_language
from streams.coding.parse import MODELS, Parser, multiply_by_numpy
from streams.coding.parties import Parties
from streams.coding.party_candidates import PartyCandidates
from streams.coding.party_choice import LinearPartyRanker
from streams.coding.party_resolution import PartyResolver
from streams.coding.readings import SentenceReader

LANGUAGE = "fr"

P = ParamSpec("P")
R = TypeVar("R")

#: What each stage calls; what one calls of another counts for the other.
STAGES: tuple[tuple[str, tuple[tuple[object, str], ...]], ...] = (
    ("language", ((coding, "detect_language"),)),
    ("sentences", ((coding, "split_sentences"),)),
    ("triggers", ((coding, "find_candidates"),)),
    ("tokenising", ((Parser, "_tokenised"),)),
    ("parse", ((Parser, "parse"),)),
    ("tree", ((Parser, "_tree"),)),
    ("words, recognition", ((SentenceReader, "by_model"), (SentenceReader, "by_lexicon"))),
    ("parties", ((PartyResolver, "resolve"), (Antecedents, "read"), (Parties, "named_countries"))),
    ("candidates, choice", ((PartyCandidates, "of"), (LinearPartyRanker, "choose"))),
    (
        "circumstances",
        (
            (coding, "_circumstances"),
            (Circumstances, "choose_place"),
            (Circumstances, "choose_date"),
            (Circumstances, "choose_quantities"),
        ),
    ),
    ("assembly", ((coding, "make_mention"), (coding, "trust_in"), (coding, "setting_of"))),
    ("acts, the rest", ((Judge, "read"), (Judge, "settled"))),
)


class StageClock:
    """Seconds of processor time by stage, each without what it calls of another."""

    def __init__(self, now: Callable[[], float] = process_time) -> None:
        """Take what tells the time, in seconds."""
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._now = now
        self._running: list[str] = []
        self._since = 0.0

    def _turn(self) -> None:
        moment = self._now()
        if self._running:
            self.spent[self._running[-1]] += moment - self._since
        self._since = moment

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside for a stage, and not for the one around it."""
        self._turn()
        self._running.append(name)
        try:
            yield
        finally:
            self._turn()
            self._running.pop()

    def timed(self, name: str, call: Callable[P, R]) -> Callable[P, R]:
        """Return a function whose time counts for a stage."""

        @wraps(call)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.stage(name):
                return call(*args, **kwargs)

        return counted


@dataclass(frozen=True, slots=True)
class Measured:
    """What the coder and plain spaCy took for the same articles."""

    articles: int
    sentences: int
    parsed: int
    components: tuple[str, ...]
    coder: float
    """Seconds of processor time, as all that follow."""
    plain: float
    plain_by_numpy: float
    """Plain spaCy with the coder's way of multiplying."""
    stages: dict[str, float]


def measure(articles: Sequence[Article], block: int, now: Callable[[], float] = process_time) -> Measured:
    """Return what the coder and plain spaCy take for the same articles, in alternating blocks.

    Args:
        articles: all in :data:`LANGUAGE`; the first block also warms all up, uncounted.
        block: so many articles run through one, then through the next.
        now: tells the time, in seconds.
    """
    coder = load_coder([LANGUAGE])
    coder.warm_up()
    plain, by_numpy = spacy.load(MODELS[LANGUAGE]), spacy.load(MODELS[LANGUAGE])
    multiply_by_numpy(by_numpy)
    seconds: defaultdict[str, float] = defaultdict(float)
    sentences = parsed = 0
    blocks = [articles[first : first + block] for first in range(0, len(articles), block)]
    for counted, part in ((False, blocks[0]), *((True, part) for part in blocks)):
        texts = [article.text for article in part]
        moments = [now()]
        codings = coder.code(part)
        moments.append(now())
        for nlp in (plain, by_numpy):
            with threadpool_limits(1, user_api="blas"):
                list(nlp.pipe(texts))
            moments.append(now())
        if counted:
            for name, start, end in zip(("coder", "plain", "by numpy"), moments, moments[1:], strict=False):
                seconds[name] += end - start
            sentences += sum(coding.sentences for coding in codings)
            parsed += sum(coding.candidates for coding in codings)
    stages = by_stage(coder, articles, now)
    return Measured(
        len(articles),
        sentences,
        parsed,
        tuple(plain.pipe_names),
        seconds["coder"],
        seconds["plain"],
        seconds["by numpy"],
        stages,
    )


def by_stage(coder: Coder, articles: Sequence[Article], now: Callable[[], float] = process_time) -> dict[str, float]:
    """Return the seconds that each stage of the coder takes, in the order of :data:`STAGES`, then what is left."""
    clock = StageClock(now)
    with ExitStack() as stack:
        for name, calls in STAGES:
            for owner, call in calls:
                stack.enter_context(patch.object(owner, call, clock.timed(name, getattr(owner, call))))
        with clock.stage("the rest"):
            coder.code(articles)
    return {name: clock.spent[name] for name in (*(name for name, _ in STAGES), "the rest")}


def render(found: Measured) -> str:
    """Return the figures as lines of text."""
    total = sum(found.stages.values()) or 1.0
    return "\n".join(
        [
            f"{found.articles} articles; plain spaCy runs {', '.join(found.components)}",
            f"processor seconds: coder {found.coder:.2f}, plain {found.plain:.2f}, by numpy {found.plain_by_numpy:.2f}",
            f"ratio: {found.plain / found.coder:.2f} times the articles per second of plain spaCy",
            f"       {found.plain_by_numpy / found.coder:.2f} times those of plain spaCy that multiplies by numpy",
            f"parsed: {found.parsed} of {found.sentences} sentences, {found.parsed / max(1, found.sentences):.0%}",
            *(f"{seconds / total:6.1%}  {name}" for name, seconds in found.stages.items()),
        ]
    )


def main(arguments: Sequence[str]) -> int:
    """Run the measure; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("articles", type=Path)
    parser.add_argument("--limit", type=int, default=150, help="so many articles of the file (150)")
    parser.add_argument("--block", type=int, default=10, help="articles in a block (10)")
    options = parser.parse_args(arguments)
    articles = [
        article
        for article in read_articles(options.articles, options.limit)
        if detect_language(article.text, (article.language, article.source.language)) == LANGUAGE
    ]
    if not articles:
        print(f"no French articles in {options.articles}", file=sys.stderr)
        return 1
    print(render(measure(articles, max(1, options.block))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
