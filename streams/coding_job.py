"""What a pool process does: read articles, code them, give back plain values. Runs outside the main process.

Does not touch Kafka, metrics or logging. What is wrong with an article comes back as a value (`Refused`); what this
module raises is wrong with the process or its coder.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback as tracebacks
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from multiprocessing import parent_process
from typing import Final, Protocol, cast

from pydantic import ValidationError

from schemas.article import Article, ArticleStatus
from schemas.dead_letter import DeadLetterReason
from schemas.envelope import headers, record_key
from schemas.mention import Mention
from schemas.outcome import OutcomeKind
from streams.dead_letters import MAX_ERROR_CHARACTERS, MAX_TRACEBACK_CHARACTERS, explain, shortened
from streams.records import Headers

SOURCE = "/depeche/coder"

MAX_OUTPUT_BYTES: Final = 16 * 1024 * 1024
"""All mentions of one article together. A text of a million characters that tells an act in each third sentence has
about half of that; more comes of a sentence without an end that is evidence again and again."""


class CodingLike(Protocol):
    """What a coder says of one article; `streams.coding.coder.Coding` is one."""

    @property
    def outcome(self) -> OutcomeKind:
        """What became of it."""

    @property
    def language(self) -> str | None:
        """The language found."""

    @property
    def mentions(self) -> tuple[Mention, ...]:
        """In order of their evidence."""

    @property
    def sentences(self) -> int:
        """How many the text has."""

    @property
    def candidates(self) -> int:
        """How many of them were parsed."""


@dataclass(frozen=True, slots=True)
class LoadedCoder:
    """A coder that is ready, as a factory returns it."""

    version: str
    code: Callable[[Sequence[Article]], Sequence[CodingLike]]


@dataclass(frozen=True, slots=True)
class ArticleFacts:
    """What the main process needs to know of an article that was read."""

    article_id: str
    version: str
    source_id: str
    status: ArticleStatus
    fetched: datetime
    published: datetime | None


@dataclass(frozen=True, slots=True)
class MentionOutput:
    """A mention as it goes to the topic: serialized here, so that the main process need not."""

    key: bytes | None
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Coded:
    """An article that was read to its end. `seconds`: its share of the time that its batch took."""

    facts: ArticleFacts
    outcome: OutcomeKind
    language: str | None
    sentences: int
    candidates: int
    mentions: tuple[MentionOutput, ...]
    event_ids: tuple[str, ...]
    coder_version: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """An article, or something else, that becomes a dead letter. `facts` is null where it could not be read."""

    facts: ArticleFacts | None
    reason: DeadLetterReason
    error: str
    traceback: str | None = None


Result = Coded | Refused
Input = tuple[bytes | None, bytes | None]
"""A record's key and value."""


@dataclass(frozen=True, slots=True)
class _Job:
    coder: LoadedCoder
    max_text_characters: int


_prepared: dict[str, _Job] = {}


def standard_coder() -> LoadedCoder:
    """Load the event coder of `streams.coding`."""
    module = import_module("streams.coding.coder")  # here, so that the main process never loads the models
    coder = module.load_coder()
    coder.warm_up()  # now: within `load_seconds`, and not within the time that the first article has
    return LoadedCoder(version=module.CODER_VERSION, code=coder.code)


def enlist() -> int:
    """Return this process's id; the first thing that a pool process is asked, so that it can be ended while it loads.

    A stop of the worker must not tear its processes away in mid-batch: the worker ends them, or, if it was killed,
    a thread started here does.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    return os.getpid()


def prepare(factory: str, max_text_characters: int) -> str:
    """Load the coder once for this process.

    Args:
        factory: `module:function`; the function returns a LoadedCoder.
        max_text_characters: longer texts are refused as `too_large`.

    Returns:
        The coder's version.
    """
    module, _, function = factory.partition(":")
    coder = cast("LoadedCoder", getattr(import_module(module), function)())
    _prepared["job"] = _Job(coder, max_text_characters)
    return coder.version


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def code(inputs: Sequence[Input]) -> list[Result]:
    """Code records, in order, with the coder that `prepare` loaded: one result for each."""
    job = _prepared["job"]
    return code_with(job.coder, inputs, max_text_characters=job.max_text_characters)


def facts_in(one: Input) -> ArticleFacts | None:
    """Read a record without coding it; null where it is no article. For what could not be coded here."""
    key, value = one
    read = read_article(key, value, max_text_characters=_prepared["job"].max_text_characters)
    return read.facts if isinstance(read, Refused) else facts_of(read)


def code_with(coder: LoadedCoder, inputs: Sequence[Input], *, max_text_characters: int) -> list[Result]:
    """Code records with a coder; one result for each, in order. Never raises for what a record holds.

    Articles are coded together; if the coder raises, one by one, so that only the article that it raised on is
    refused.
    """
    results: list[Result | None] = []
    articles: list[Article] = []
    for key, value in inputs:
        read = read_article(key, value, max_text_characters=max_text_characters)
        if isinstance(read, Refused):
            results.append(read)
        else:
            results.append(None)
            articles.append(read)
    coded = iter(_code_articles(coder, articles))
    return [next(coded) if result is None else result for result in results]


def read_article(key: bytes | None, value: bytes | None, *, max_text_characters: int) -> Article | Refused:
    """Read a record of the articles' topics."""
    if value is None:
        return Refused(None, "invalid", "the record has no value")
    try:
        article = Article.from_bytes(value)
    except ValidationError as exc:
        return Refused(None, "invalid", f"no article: {explain(exc)}")
    except Exception as exc:  # noqa: BLE001 - a fault of the model's own is this record's, not the whole stream's
        return _bug(None, exc)
    facts = facts_of(article)
    if key != record_key(article):
        return Refused(facts, "invalid", f"the record's key is {key!r}, its article_id is {article.article_id}")
    if len(article.text) > max_text_characters:
        return Refused(
            facts, "too_large", f"the text has {len(article.text)} characters, the limit is {max_text_characters}"
        )
    return article


def facts_of(article: Article) -> ArticleFacts:
    """Return what an outcome needs."""
    return ArticleFacts(
        article_id=article.article_id,
        version=article.version,
        source_id=article.source.id,
        status=article.status,
        fetched=article.fetched,
        published=article.published.value,
    )


def _code_articles(coder: LoadedCoder, articles: Sequence[Article]) -> list[Result]:
    if not articles:
        return []
    try:
        return _code_together(coder, articles)
    except Exception as exc:  # noqa: BLE001 - whatever the coder raises is a bug, and the others of the batch are not to pay for it
        if len(articles) == 1:
            return [_bug(facts_of(articles[0]), exc)]
    return [result for article in articles for result in _code_articles(coder, [article])]


def _bug(facts: ArticleFacts | None, exc: Exception) -> Refused:
    """Tell an exception; shortened here, since its text may be the article's."""
    return Refused(
        facts,
        "bug",
        shortened(f"{type(exc).__name__}: {exc}", MAX_ERROR_CHARACTERS),
        shortened("".join(tracebacks.format_exception(exc)), MAX_TRACEBACK_CHARACTERS),
    )


def _code_together(coder: LoadedCoder, articles: Sequence[Article]) -> list[Result]:
    started = time.perf_counter()
    codings = coder.code(articles)
    share = (time.perf_counter() - started) / len(articles)
    return [
        _coded(article, coding, version=coder.version, seconds=share)
        for article, coding in zip(articles, codings, strict=True)
    ]


def _coded(article: Article, coding: CodingLike, *, version: str, seconds: float) -> Result:
    facts = facts_of(article)
    outputs: list[MentionOutput] = []
    size = 0
    for mention in coding.mentions:
        value = mention.to_bytes()
        size += len(value)
        if size > MAX_OUTPUT_BYTES:
            # Not cut: half of an article's mentions would look like all of them.
            return Refused(
                facts,
                "too_large",
                f"the article makes {len(coding.mentions)} mentions, of which the first {len(outputs) + 1} alone are "
                f"{size} bytes; the limit for one article is {MAX_OUTPUT_BYTES}",
            )
        outputs.append(
            MentionOutput(record_key(mention), value, tuple(headers(mention, source=SOURCE, time=article.fetched)))
        )
    return Coded(
        facts=facts,
        outcome=coding.outcome,
        language=coding.language,
        sentences=coding.sentences,
        candidates=coding.candidates,
        mentions=tuple(outputs),
        event_ids=tuple(sorted({mention.event_id for mention in coding.mentions})),
        coder_version=version,
        seconds=seconds,
    )
