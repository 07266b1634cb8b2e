"""Reads the dead letters' topic into a register, the letters themselves again, and the records that they are for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from depeche.accounts import Position
from depeche.dlq.letters import LetterError, Original
from depeche.dlq.register import Entry, Register
from depeche.reader import Record, TopicReader
from schemas.access import KafkaAccess
from schemas.topics import DEAD_LETTERS

_TELL_EVERY = 10_000


class DeadLetters:
    """The dead letters of a prefix, as they are when it is opened. Use it within `open_dead_letters`."""

    def __init__(self, reader: TopicReader, register: Register) -> None:
        """Take what reads the topic, and the register of what was read."""
        self._reader = reader
        self.register = register

    def letters(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes | None]]:
        """Yield entries with what stands on the topic for them: null where it is gone meanwhile. By position.

        Reads from the first to the last of each partition: ask for some at a time.
        """
        wanted = {entry.position: entry for entry in entries}
        first: dict[tuple[str, int], int] = {}
        end: dict[tuple[str, int], int] = {}
        for position in wanted:
            place = (position.topic, position.partition)
            first[place] = min(position.offset, first.get(place, position.offset))
            end[place] = max(position.offset + 1, end.get(place, 0))
        for place in sorted(first):
            self._reader.seek({place: first[place]})
            for record in self._reader.read_until({place: end[place]}):
                entry = wanted.pop(Position(record.topic, record.partition, record.offset), None)
                if entry is not None:
                    yield entry, record.value
        for entry in wanted.values():
            yield entry, None


def open_dead_letters(
    access: KafkaAccess,
    prefix: str,
    use: Callable[[DeadLetters], int],
    *,
    progress: Callable[[str], None] = lambda _text: None,
) -> int:
    """Read all dead letters of a prefix, and let `use` work with them; return what it returns.

    Raises:
        depeche.reader.ReaderError: the topic can't be read.
    """
    topic = DEAD_LETTERS.name(prefix)
    # An empty name: SQLite keeps the database in memory as long as it is small, then in a temporary file.
    with closing(sqlite3.connect("")) as database, TopicReader(access, [topic]) as reader:
        register = Register(database, topic)
        reader.seek(reader.beginnings())
        for number, record in enumerate(reader.read_until(reader.ends()), start=1):
            position = Position(record.topic, record.partition, record.offset)
            register.add(position, record.timestamp_ms, record.key, record.value)
            if number % _TELL_EVERY == 0:
                progress(f"{number} records of {topic} read")
        return use(DeadLetters(reader, register))


def read_original(access: KafkaAccess, position: Position, key: bytes | None) -> Original:
    """Return the record at a position, for a letter that was too small for it.

    Args:
        access: the brokers, and how to get in.
        position: of the record; the topic must be known to be ours.
        key: that it must have.

    Raises:
        LetterError: it is not there any more, or another record is.
        depeche.reader.ReaderError: the topic can't be read.
    """
    place = (position.topic, position.partition)
    record: Record | None = None
    with TopicReader(access, [position.topic]) as reader:
        held = reader.ends().get(place, 0) > position.offset >= reader.beginnings().get(place, 0)
        if held:
            reader.seek({place: position.offset})
            record = next(iter(reader.read_until({place: position.offset + 1})), None)
    if record is None or record.offset != position.offset:
        msg = f"its original was left out, and is no longer at {position} (retention)"
        raise LetterError(msg)
    if record.key != key:
        msg = f"its original was left out, and the record at {position} has another key"
        raise LetterError(msg)
    return Original(record.key, record.value)
