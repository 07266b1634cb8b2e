"""Replays dead letters, or drops them: what is written, where, and in which order. Chooses none.

1. The originals are written to the topics that they were read from, and acknowledged by all replicas.
2. Then a resolution for each is written beside its letter, and acknowledged.

Killed in between, the letters are still open, and replaying them again writes the same records again: under the same
ids, so that nothing is counted twice, and the latest outcome stands. A letter names its own topic and place, and is
whatever somebody wrote: nothing is written anywhere but to the topics of the prefix that stages read.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from pydantic import ValidationError

from depeche.accounts import Position
from depeche.dlq.letters import LetterError, Original, input_topics, original, read_letter, written
from depeche.dlq.register import Entry
from depeche.exits import ToldError
from schemas.base import Message
from schemas.dead_letter import Copy, DeadLetter, DeadLetterResolution
from schemas.envelope import headers, record_key
from schemas.outcome import Outcome
from schemas.topics import OUTCOMES, TOPICS

FROM_HEADER: Final = "depeche-replayed-from"
"""Header of a replayed record: the letter, as `news.dead-letters/2/1234`."""
TIME_HEADER: Final = "depeche-replayed-at"
"""When, RFC 3339."""
COUNT_HEADER: Final = "depeche-replays"
"""The how manieth replay of the record this is: a number that grows says that its cause is not mended."""
SOURCE: Final = "/depeche/dlq"

Action = Literal["replayed", "dropped"]
Headers = list[tuple[str, bytes]]


class ResolutionError(ToldError):
    """The broker does not take resolutions. What was replayed may be replayed again."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A record on its way. `partition` null: the key decides."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)


class Write(Protocol):
    """Writes records; returns for each, in order, where the broker acknowledged it, or why it never will take it."""

    def __call__(self, records: Sequence[Sending]) -> list[Position | str]:
        """Write.

        Raises:
            depeche.exits.ToldError: the broker does not answer; some may be written.
        """


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one letter."""

    entry: Entry
    action: Action | None
    """Null: it stays open."""
    error: str | None = None
    """Why."""
    copied_to: Position | None = None


ReadOriginal = Callable[[Position, bytes | None], Original]
"""Reads the record at a position, which must have the key; raises LetterError."""


def prepared(
    entry: Entry,
    value: bytes | None,
    *,
    prefix: str,
    partitions: Mapping[str, int],
    read_original: ReadOriginal,
    now: datetime,
) -> Sending:
    """Return the record that replays a letter.

    Args:
        entry: of the letter.
        value: of the letter's record.
        prefix: of the topics.
        partitions: how many each topic that may be written to has.
        read_original: for letters that were too small for it.
        now: the time, UTC.

    Raises:
        LetterError: it can't be replayed.
    """
    if value is None:
        msg = "the letter is no longer on its topic"
        raise LetterError(msg)
    letter = read_letter(value)
    if not isinstance(letter, DeadLetter):
        msg = "it is no dead letter"
        raise LetterError(msg)
    if letter.topic not in input_topics(prefix) or letter.topic not in partitions:
        msg = (
            f"it names the topic {letter.topic!r}, which is none that {prefix}'s stages read: nothing is written there"
        )
        raise LetterError(msg)
    kept = original(letter)
    if kept.value is None:
        kept = _left_out(letter, kept, read_original)
    if letter.topic == OUTCOMES.name(prefix):
        _must_be_outcome(kept)
    known = 0 <= letter.partition < partitions[letter.topic]
    return Sending(
        letter.topic,
        # The record's own partition, whoever chose it: there its article's other versions and outcomes are.
        letter.partition if known else None,
        kept.key,
        # kafka-python writes no record without both; the stages treat either alike.
        b"" if kept.key is None and kept.value is None else kept.value,
        [
            *_own_headers(letter.topic, prefix, kept.value, now),
            (FROM_HEADER, written(entry.position).encode()),
            (TIME_HEADER, now.isoformat(timespec="seconds").replace("+00:00", "Z").encode()),
            (COUNT_HEADER, str(entry.replays + 1).encode()),
        ],
    )


def _must_be_outcome(kept: Original) -> None:
    """Refuse what would take an outcome's place on its compacted topic, and be none.

    Raises:
        LetterError: it is no outcome, or not of its key.
    """
    try:
        outcome = Outcome.from_bytes(kept.value or b"")
    except ValidationError as exc:
        msg = "it is no outcome even now, and would replace the one under its key: drop it, and replay the article"
        raise LetterError(msg) from exc
    if record_key(outcome) != kept.key:
        msg = "it is an outcome under the key of another: drop it"
        raise LetterError(msg)


def _left_out(letter: DeadLetter, kept: Original, read_original: ReadOriginal) -> Original:
    if letter.partition < 0 or letter.offset < 0:
        msg = (
            "its original was left out, and never was on a topic: let the connector read it again, with a limit that "
            "it fits (the error has its size), then drop the letter"
        )
        raise LetterError(msg)
    return read_original(Position(letter.topic, letter.partition, letter.offset), kept.key)


def fit_for_utf8(text: str) -> str:
    """Return a text with each lone surrogate written out: a command line may hold some, a message may not."""
    return text.encode("utf-8", "backslashreplace").decode()


def _own_headers(topic: str, prefix: str, value: bytes | None, now: datetime) -> Headers:
    """Return the headers that the record had, where it is a message of its topic: letters do not keep them."""
    for model in next((one.models for one in TOPICS if one.name(prefix) == topic), ()):
        try:
            message: Message = model.from_bytes(value or b"")
        except ValidationError:
            continue
        return headers(message, source=SOURCE, time=getattr(message, "fetched", now))
    return []


def resolution(
    entry: Entry, action: Action, *, copied_to: Position | None, note: str, now: datetime
) -> DeadLetterResolution:
    """Return the message that closes a letter."""
    return DeadLetterResolution(
        action=action,
        topic=entry.position.topic,
        partition=entry.position.partition,
        offset=entry.position.offset,
        key=None if entry.key is None else base64.b64encode(entry.key).decode("ascii"),
        copied_to=None
        if copied_to is None
        else Copy(topic=copied_to.topic, partition=copied_to.partition, offset=copied_to.offset),
        replays=entry.replays + (action == "replayed"),
        note=note,
        time=now,
    )


class Resolver:
    """Replays and drops letters, some at a time."""

    def __init__(
        self,
        *,
        prefix: str,
        partitions: Mapping[str, int],
        write: Write,
        read_original: ReadOriginal,
        clock: Callable[[], datetime],
        note: str = "",
    ) -> None:
        """Take where letters may go to, what writes and reads, the time, and what the person says about it."""
        self._prefix = prefix
        self._partitions = partitions
        self._write = write
        self._read_original = read_original
        self._clock = clock
        self._note = fit_for_utf8(note)

    def check(self, entry: Entry, value: bytes | None) -> Done:
        """Say what a replay would do with a letter; writes nothing."""
        try:
            self._prepare(entry, value)
        except LetterError as exc:
            return Done(entry, None, str(exc))
        return Done(entry, "replayed")

    def replay(self, letters: Iterable[tuple[Entry, bytes | None]]) -> list[Done]:
        """Replay letters; returns once originals and resolutions are acknowledged.

        Raises:
            depeche.exits.ToldError: the broker does not answer; what was not acknowledged is still open.
        """
        done: list[Done] = []
        sendings: list[tuple[Entry, Sending]] = []
        for entry, value in letters:
            try:
                sendings.append((entry, self._prepare(entry, value)))
            except LetterError as exc:
                done.append(Done(entry, None, str(exc)))
        answers = self._write([sending for _, sending in sendings])
        for (entry, _), answer in zip(sendings, answers, strict=True):
            if isinstance(answer, Position):
                done.append(Done(entry, "replayed", copied_to=answer))
            else:
                done.append(Done(entry, None, f"the broker does not take it: {answer}"))
        self._resolve(done)
        return done

    def drop(self, entries: Iterable[Entry]) -> list[Done]:
        """Give letters up for good; returns once that is acknowledged.

        Raises:
            depeche.exits.ToldError: as for `replay`.
        """
        done = [Done(entry, "dropped") for entry in entries]
        self._resolve(done)
        return done

    def _prepare(self, entry: Entry, value: bytes | None) -> Sending:
        return prepared(
            entry,
            value,
            prefix=self._prefix,
            partitions=self._partitions,
            read_original=self._read_original,
            now=self._clock(),
        )

    def _resolve(self, done: Iterable[Done]) -> None:
        records = []
        for one in done:
            if one.action is None:
                continue
            now = self._clock()
            message = resolution(one.entry, one.action, copied_to=one.copied_to, note=self._note, now=now)
            place = one.entry.position
            # The letter's own partition: there it comes after the letter, and is kept at least as long.
            records.append(
                Sending(
                    place.topic,
                    place.partition,
                    one.entry.key,
                    message.to_bytes(),
                    headers(message, source=SOURCE, time=now),
                )
            )
        for answer in self._write(records):
            if isinstance(answer, str):
                msg = f"a resolution was not written: {answer}"
                raise ResolutionError(msg)
