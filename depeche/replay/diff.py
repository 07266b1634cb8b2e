"""`depeche diff`: two codings of the same articles compared, from the topics of two prefixes alone.

Reads what stands there when it starts; trusts no metric and no committed offset. Keeps its books in a temporary file.
Says what differs, not which is better: for that there is `depeche eval`.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import ValidationError

from depeche.reader import Partition, TopicReader
from depeche.replay.books import Books, CodedVersion, Side
from depeche.replay.comparing import Change, changes, pair
from schemas.access import KafkaAccess
from schemas.mention import Mention, read_mention_record
from schemas.outcome import Outcome
from schemas.topics import MENTIONS, OUTCOMES

TOLERANCE: Final = 0.005
"""By how much two confidences may differ: half of what two decimals show."""
CODERS_NAMED: Final = 8
_TOLD_EVERY: Final = 20_000

What = Literal["lost", "gained", "changed", "outcome", "only_left", "only_right", "incomplete"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two codings differ, or why an article version could not be compared."""

    what: What
    outcomes: tuple[Outcome | None, Outcome | None]
    """Of the article version, left and right."""
    mentions: tuple[Mention | None, Mention | None] = (None, None)
    changes: tuple[Change, ...] = ()

    @property
    def article(self) -> Outcome:
        """An outcome of the article version, whose ids it has."""
        outcome = self.outcomes[0] or self.outcomes[1]
        assert outcome is not None  # noqa: S101 - there is one at least
        return outcome

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        found: dict[str, Any] = {
            "what": self.what,
            "article_id": self.article.article_id,
            "version": self.article.version,
            "source_id": self.article.source_id,
            "outcomes": [None if one is None else one.outcome for one in self.outcomes],
        }
        if self.what in ("lost", "gained", "changed"):
            found["slots"] = [change.as_json() for change in self.changes]
            found["mentions"] = [None if one is None else one.model_dump(mode="json") for one in self.mentions]
        return found


@dataclass(slots=True)
class SideReport:
    """What was found of one side."""

    prefix: str
    versions: int = 0
    """Article versions with an outcome."""
    alone: int = 0
    """Those of them that the other side has not."""
    coders: tuple[str, ...] = ()
    """What coded the versions that were compared; a few of them, where there are many."""
    mentions: int = 0
    """Mentions that were compared."""
    incomplete: int = 0
    """Versions that could not be compared: the topic no longer has all their mentions (retention)."""
    unreadable: int = 0
    """Records that are no outcomes and no mentions."""


@dataclass(slots=True)
class TypeCounts:
    """What became of the mentions of one type, by the type that the left coding gives them, else the right."""

    left: int = 0
    right: int = 0
    lost: int = 0
    gained: int = 0
    changed: int = 0


@dataclass(slots=True)
class DiffReport:
    """What two codings differ in."""

    sides: tuple[SideReport, SideReport]
    compared: int = 0
    """Article versions that both coded, the chosen ones."""
    superseded: int = 0
    """Article versions that both coded and that were passed over: both coded a later version of the article."""
    recoded: int = 0
    """Versions of which a side holds several codings; the last was compared."""
    identical: int = 0
    """Mentions that are the same byte for byte."""
    same: int = 0
    """Mentions that are the same in all slots, with other reasons, by another coder version."""
    changed: int = 0
    lost: int = 0
    gained: int = 0
    events_moved: int = 0
    """Changed mentions that tell of another event: its id changed with its slots."""
    slots: Counter[str] = field(default_factory=Counter)
    """Changed mentions, by slot that changed."""
    types: dict[str, TypeCounts] = field(default_factory=dict)
    retyped: Counter[str] = field(default_factory=Counter)
    """Changed types: `PROTEST → ASSAULT`."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Changed outcomes: `no_event → coded`."""
    examples: list[Difference] = field(default_factory=list)

    @property
    def differ(self) -> bool:
        """Whether any mention or outcome of what was compared differs."""
        return bool(self.changed or self.lost or self.gained or self.outcomes)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        left, right = ({name: getattr(side, name) for name in SideReport.__slots__} for side in self.sides)
        counts = ("compared", "superseded", "recoded", "identical", "same", "changed", "lost", "gained", "events_moved")
        return {
            "differ": self.differ,
            "left": left,
            "right": right,
            **{name: getattr(self, name) for name in counts},
            "slots": dict(self.slots.most_common()),
            "types": {
                name: {part: getattr(row, part) for part in TypeCounts.__slots__}
                for name, row in sorted(self.types.items())
            },
            "retyped": dict(self.retyped.most_common()),
            "outcomes": dict(self.outcomes.most_common()),
            "examples": [one.as_json() for one in self.examples],
        }


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """What the person asked for."""

    all_versions: bool = False
    """Compare every version that both coded, not the latest of each article alone."""
    tolerance: float = TOLERANCE
    examples: int = 5
    """Of each kind: lost, gained, changed, outcome."""


def diff(
    access: KafkaAccess,
    left: str,
    right: str,
    options: DiffOptions,
    *,
    write: Callable[[Difference], None] = lambda _one: None,
    progress: Callable[[str], None] = lambda _text: None,
) -> DiffReport:
    """Compare what stands on two prefixes.

    Args:
        access: the brokers, and how to get in.
        left: prefix of the one coding: the old one, as a rule.
        right: prefix of the other.
        options: what the person asked for.
        write: gets every difference, and every version that could not be compared.
        progress: told, a line at a time, what is being done.

    Raises:
        depeche.reader.ReaderError: the topics can't be read.
    """
    sides = (SideReport(left), SideReport(right))
    # An empty name: SQLite keeps the database in memory as long as it is small, then in a temporary file.
    with closing(sqlite3.connect("")) as database:
        books = Books(database)
        for number, side in enumerate(sides):
            _read_outcomes(access, books, 0 if number == 0 else 1, side, progress)
        books.choose(all_versions=options.all_versions)
        for number, side in enumerate(sides):
            _read_mentions(access, books, 0 if number == 0 else 1, side, progress)
        progress("comparing")
        return compare(books, sides, options, write=write)


def compare(
    books: Books,
    sides: tuple[SideReport, SideReport],
    options: DiffOptions,
    *,
    write: Callable[[Difference], None] = lambda _one: None,
) -> DiffReport:
    """Compare what is in the books."""
    report = DiffReport(sides)
    tally = _Tally(report, options, write)
    for number, outcome in books.alone():
        sides[number].alone += 1
        write(Difference("only_right", (None, outcome)) if number else Difference("only_left", (outcome, None)))
    for version in books.versions():
        tally.add(version)
    both = books.count_both()
    report.superseded = both - report.compared - tally.incomplete
    sides[0].versions, sides[1].versions = books.count(0), books.count(1)
    sides[0].coders, sides[1].coders = (tuple(sorted(coders)) for coders in tally.coders)
    return report


class _Tally:
    """Counts, writes and keeps examples."""

    def __init__(self, report: DiffReport, options: DiffOptions, write: Callable[[Difference], None]) -> None:
        self._report = report
        self._options = options
        self._write = write
        self._kept: Counter[str] = Counter()
        self.coders: tuple[set[str], set[str]] = (set(), set())
        self.incomplete = 0

    def add(self, version: CodedVersion) -> None:
        """Compare one article version."""
        report = self._report
        if any(version.incomplete):
            self.incomplete += 1
            for side, incomplete in zip(report.sides, version.incomplete, strict=True):
                side.incomplete += incomplete
            self._write(Difference("incomplete", version.outcomes))
            return
        report.compared += 1
        report.recoded += version.recoded
        for coders, outcome, values in zip(self.coders, version.outcomes, version.mentions, strict=True):
            if not values:
                _name(coders, outcome.coder_version)
        kinds = [outcome.outcome for outcome in version.outcomes]
        if kinds[0] != kinds[1]:
            report.outcomes[f"{kinds[0]} → {kinds[1]}"] += 1
            self._tell(Difference("outcome", version.outcomes))
        left, right = ([Mention.from_bytes(value) for value in values] for values in version.mentions)
        self._add_mentions(version.outcomes, left, right, values=version.mentions)

    def _add_mentions(
        self,
        outcomes: tuple[Outcome, Outcome],
        left: list[Mention],
        right: list[Mention],
        *,
        values: tuple[tuple[bytes, ...], tuple[bytes, ...]],
    ) -> None:
        report = self._report
        for side, coders, mentions in zip(report.sides, self.coders, (left, right), strict=True):
            side.mentions += len(mentions)
            for mention in mentions:
                _name(coders, _coder(mention))
        for mention in left:
            self._of_type(mention).left += 1
        for mention in right:
            self._of_type(mention).right += 1
        if values[0] == values[1]:
            report.identical += len(left)
            return
        pairs = pair(left, right)
        for one, other in pairs.both:
            self._add_pair(outcomes, one, other)
        for mention in pairs.lost:
            report.lost += 1
            self._of_type(mention).lost += 1
            self._tell(Difference("lost", outcomes, (mention, None)))
        for mention in pairs.gained:
            report.gained += 1
            self._of_type(mention).gained += 1
            self._tell(Difference("gained", outcomes, (None, mention)))

    def _add_pair(self, outcomes: tuple[Outcome, Outcome], left: Mention, right: Mention) -> None:
        report = self._report
        if left == right:
            report.identical += 1
            return
        found = changes(left, right, tolerance=self._options.tolerance)
        if not found:
            report.same += 1
            return
        report.changed += 1
        report.events_moved += left.event_id != right.event_id
        report.slots.update(change.slot.name for change in found)
        if left.type != right.type:
            report.retyped[f"{left.type} → {right.type}"] += 1
        self._of_type(left).changed += 1
        self._tell(Difference("changed", outcomes, (left, right), found))

    def _of_type(self, mention: Mention) -> TypeCounts:
        return self._report.types.setdefault(mention.type, TypeCounts())

    def _tell(self, difference: Difference) -> None:
        self._write(difference)
        if self._kept[difference.what] < self._options.examples:
            self._kept[difference.what] += 1
            self._report.examples.append(difference)


def _coder(mention: Mention) -> str:
    coder = mention.coder
    return f"{coder.name} {coder.version}, lexicon {coder.lexicon[:8]}, model {coder.model}"


def _name(coders: set[str], coder: str) -> None:
    if len(coders) < CODERS_NAMED:
        coders.add(coder)


def _read_outcomes(
    access: KafkaAccess, books: Books, number: Side, side: SideReport, progress: Callable[[str], None]
) -> None:
    for value, _ in _values(access, OUTCOMES.name(side.prefix), progress):
        try:
            books.add_outcome(number, Outcome.from_bytes(value or b""))
        except ValidationError:
            side.unreadable += 1


def _read_mentions(
    access: KafkaAccess, books: Books, number: Side, side: SideReport, progress: Callable[[str], None]
) -> None:
    for value, timestamp in _values(access, MENTIONS.name(side.prefix), progress):
        try:
            record = read_mention_record(value or b"")
        except ValidationError:
            side.unreadable += 1
            continue
        if isinstance(record, Mention):
            books.add_mention(number, record, value or b"", timestamp)


def _values(access: KafkaAccess, topic: str, progress: Callable[[str], None]) -> Iterator[tuple[bytes | None, int]]:
    """Yield the values and timestamps of a topic, from its beginning to where it ends now."""
    with TopicReader(access, [topic]) as reader:
        reader.seek(reader.beginnings())
        ends: dict[Partition, int] = reader.ends()
        for count, record in enumerate(reader.read_until(ends), start=1):
            yield record.value, record.timestamp_ms or 0
            if count % _TOLD_EVERY == 0:
                progress(f"{count} records of {topic} read")
