"""Whether a run ended as it would have ended undisturbed, from the records of its topics. Reads no topic itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from depeche.reader import Record
from schemas.mention import Mention, read_mention_record
from schemas.outcome import Outcome, outcome_key
from streams.table import RESERVED

SHOWN: Final = 10
"""Differences of one sort that are named; all are counted."""


@dataclass(frozen=True, slots=True)
class Held:
    """A value, and the record that it was read from."""

    value: Any
    place: str

    @classmethod
    def of(cls, record: Record, value: Any) -> Held:
        """Return a value with the place of its record."""
        return cls(value, f"{record.topic}[{record.partition}]@{record.offset}")


@dataclass(frozen=True, slots=True)
class Difference:
    """In what something differs from the reference's."""

    what: str
    number: int
    """How many there are."""
    missing: tuple[str, ...]
    """What only the reference has."""
    foreign: tuple[str, ...]
    """What the reference has not."""
    other: tuple[str, ...]
    """What both have, and not the same."""

    @property
    def is_none(self) -> bool:
        """Whether both are the same."""
        return not (self.missing or self.foreign or self.other)

    def lines(self) -> list[str]:
        """Return what is to be said of it."""
        if self.is_none:
            return [f"{self.what:<10} {self.number:>7}, equal to the reference's"]
        told = [f"{self.what:<10} {self.number:>7}, NOT equal to the reference's"]
        for name, items in (("missing", self.missing), ("not in the reference", self.foreign), ("other", self.other)):
            if items:
                told.append(f"  {name}: {len(items)}")
                told += [f"    {item}" for item in items[:SHOWN]]
        return told


def compare(what: str, ours: Mapping[Any, Held], reference: Mapping[Any, Held]) -> Difference:
    """Compare by key."""
    both = ours.keys() & reference.keys()
    return Difference(
        what,
        len(ours),
        missing=tuple(sorted(f"{_shown(key)} at {reference[key].place}" for key in reference.keys() - both)),
        foreign=tuple(sorted(f"{_shown(key)} at {ours[key].place}" for key in ours.keys() - both)),
        other=tuple(
            sorted(
                f"{_shown(key)} at {ours[key].place}, the reference's at {reference[key].place}: "
                f"{_first_difference(ours[key].value, reference[key].value)}"
                for key in both
                if ours[key].value != reference[key].value
            )
        ),
    )


def _shown(key: Any) -> str:
    match key:
        case (bytes(), bytes() as value):
            return f"mention {json.loads(value)['mention_id']}"
        case (int() as partition, bytes() as inner):
            return f"{inner.decode(errors='replace')} of partition {partition}"
        case bytes():
            return key.decode(errors="replace")
        case _:
            return str(key)


def _first_difference(ours: Any, theirs: Any) -> str:
    if isinstance(ours, bytes) and isinstance(theirs, bytes):
        ours, theirs = json.loads(ours), json.loads(theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        names = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        return "; ".join(f"{name} {str(ours.get(name))[:200]} / {str(theirs.get(name))[:200]}" for name in names)
    return f"{str(ours)[:300]} / {str(theirs)[:300]}"


def mentions(records: Iterable[Record]) -> dict[tuple[bytes, bytes], Held]:
    """Return the mentions, by key and bytes: one that came twice is one."""
    found: dict[tuple[bytes, bytes], Held] = {}
    for record in records:
        value = record.value or b""
        if isinstance(read_mention_record(value), Mention):
            found.setdefault((record.key or b"", value), Held.of(record, None))
    return found


def outcomes(records: Iterable[Record]) -> dict[bytes, Held]:
    """Return the last outcome of each article version, without the seconds that it took and its topic's prefix."""
    found: dict[bytes, Held] = {}
    for record in records:
        outcome = Outcome.from_bytes(record.value or b"")
        told = outcome.model_dump(mode="json", exclude={"latency", "topic"})
        found[outcome_key(outcome.article_id, outcome.version).encode()] = Held.of(record, told)
    return found


def events(records: Iterable[Record]) -> dict[bytes, Held]:
    """Return the last state of each event, byte for byte."""
    return {record.key or b"": Held.of(record, record.value) for record in records}


def on_two_partitions(records: Iterable[Record]) -> tuple[str, ...]:
    """Return the keys that stand on more than one partition, where no compaction would make them one."""
    places: dict[bytes, set[int]] = {}
    for record in records:
        places.setdefault(record.key or b"", set()).add(record.partition)
    return tuple(key.decode(errors="replace") for key, partitions in sorted(places.items()) if len(partitions) > 1)


def table(records: Iterable[Record]) -> dict[tuple[int, bytes], Held]:
    """Return what a table's changelog adds up to, without the day when an entry was last touched."""
    found: dict[tuple[int, bytes], Held] = {}
    for record in records:
        key = record.key or b""
        if key.startswith(RESERVED):
            continue
        if record.value is None:
            found.pop((record.partition, key), None)
            continue
        state = json.loads(record.value)
        state.pop("touched", None)
        found[(record.partition, key)] = Held.of(record, state)
    return found


def written_twice(records: Sequence[Record], identity: Callable[[Record], object]) -> int:
    """Return how many records say what an earlier one has said."""
    return len(records) - len({identity(record) for record in records})
