"""A coder without models: it does what the lines of a text tell it to. Deterministic, for the tests of the streams.

EVENT ASSAULT FRA>MLI 2016-05-01    one mention
RAISE                               a bug in the coder
KILL                                the process dies, as by the OOM killer
SLEEP 5                             coding takes 5 s
"""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from schemas.article import Article
from schemas.mention import Mention, PloverType
from schemas.outcome import OutcomeKind
from streams.coding_job import LoadedCoder
from tests.streams.samples import mention

VERSION = "fake-1"


@dataclass(frozen=True)
class FakeCoding:
    outcome: OutcomeKind
    language: str | None
    mentions: tuple[Mention, ...]
    sentences: int
    candidates: int


def load() -> LoadedCoder:
    return LoadedCoder(version=VERSION, code=code)


def load_nothing() -> LoadedCoder:
    msg = "the model is not installed"
    raise OSError(msg)


def load_forever() -> LoadedCoder:
    time.sleep(3600)
    raise AssertionError("nobody waits an hour")


def code(articles: Sequence[Article]) -> list[FakeCoding]:
    return [code_one(article) for article in articles]


def code_one(article: Article) -> FakeCoding:
    if article.status == "killed":
        return FakeCoding("killed", None, (), 0, 0)
    if not article.text.strip():
        return FakeCoding("empty", None, (), 0, 0)
    if any("\u0600" <= c <= "\u06ff" for c in article.text):
        return FakeCoding("unsupported_language", "ar", (), 0, 0)
    mentions = []
    start = 0
    lines = article.text.split("\n")
    for line in lines:
        match line.split():
            case ["EVENT", plover, pair, day]:
                actor, _, target = pair.partition(">")
                mentions.append(
                    mention(
                        article,
                        plover=cast("PloverType", plover),
                        actor=actor,
                        target=target,
                        day=day,
                        start=start,
                        sentence=line,
                    )
                )
            case ["RAISE"]:
                msg = "a bug in the coder"
                raise ZeroDivisionError(msg)
            case ["KILL"]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["SLEEP", seconds]:
                time.sleep(float(seconds))
        start += len(line) + 1
    return FakeCoding("coded" if mentions else "no_event", "fr", tuple(mentions), len(lines), len(mentions))
