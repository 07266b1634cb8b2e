"""A coder without models: it does what the lines of a text tell it to. Deterministic, for the tests of the streams.

EVENT ASSAULT FRA>MLI 2016-05-01    one mention
RAISE                               a bug in the coder
KILL                                the process dies, as by the OOM killer
SLEEP 5                             coding takes 5 s
EXIT, SEGV, FREEZE                  the process ends by itself, by a fault of memory, or is stopped by SIGSTOP
SPIN                                an endless loop that never sleeps
MEMORY                              an allocation fails
HOG 500, LEAK 500                   so many megabytes are held: for a while; for good, without the coder's knowing
MANY 1000                           so many mentions
LONG 1000                           one mention whose sentence has so many characters
"""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
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


def load_once() -> LoadedCoder:
    """Load while the file that FAKE_CODER_LOADS names is there, and take it away: the next process can't load."""
    Path(os.environ["FAKE_CODER_LOADS"]).unlink()
    return load()


def load_dying() -> LoadedCoder:
    """Die in mid-load as often as the file that FAKE_CODER_LOADS names has lines."""
    deaths = Path(os.environ["FAKE_CODER_LOADS"])
    left = deaths.read_text().splitlines()
    if left:
        deaths.write_text("\n".join(left[1:]))
        os.kill(os.getpid(), signal.SIGKILL)
    return load()


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
            case ["MANY" | "LONG", number]:
                mentions += in_bulk(article, number=int(number), many=line.startswith("MANY"))
            case [word, *arguments] if word in MISDEEDS:
                MISDEEDS[word](*arguments)
        start += len(line) + 1
    return FakeCoding("coded" if mentions else "no_event", "fr", tuple(mentions), len(lines), len(mentions))


def in_bulk(article: Article, *, number: int, many: bool) -> list[Mention]:
    if not many:
        return [mention(article, sentence="x" * number)]
    one = mention(article)
    return [one.model_copy(update={"mention_id": f"{index:032x}"}) for index in range(number)]


def hold(megabytes: str) -> bytes:
    return b"x" * (int(megabytes) * 1024 * 1024)


def fail_to_allocate() -> None:
    raise MemoryError


def spin() -> None:
    while True:
        pass


def hog(megabytes: str) -> None:
    held = hold(megabytes)
    time.sleep(3600)
    del held


_leaked: list[bytes] = []

MISDEEDS: dict[str, Callable[..., object]] = {
    "EXIT": lambda: os._exit(0),
    "SEGV": lambda: ctypes.string_at(0),
    "FREEZE": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "SPIN": spin,
    "MEMORY": fail_to_allocate,
    "HOG": hog,
    "LEAK": lambda megabytes: _leaked.append(hold(megabytes)),
}
