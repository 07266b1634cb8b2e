"""What an audit found: the report for people and monitors, and a line for each article version. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from depeche.present import counted, printable, short
from depeche.recount_report import Recount, render_recount
from depeche.times import show_milliseconds


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a record stands."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True, slots=True)
class Unaccounted:
    """An article version that something is to be said about, and where it stands first."""

    article_id: str
    version: str
    position: Position

    def __str__(self) -> str:
        return f"article {self.article_id} version {self.version} at {self.position}"


@dataclass(frozen=True, slots=True)
class Late:
    """An article version whose outcome took long."""

    what: Unaccounted
    seconds: float
    """From its record's timestamp to the first of its outcomes that is still known."""

    def __str__(self) -> str:
        return f"{self.what}: {self.seconds:.0f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an audit found.

    Attributes:
        records: records on the articles' topics.
        versions: different valid article versions among them; a version published twice is one.
        outcomes: how many versions have which outcome.
        unaccounted: versions without an outcome, and old enough to have one.
        unaccounted_first: the first of them, by position.
        in_work: versions without an outcome that are not late yet, or wait on the backfill's topic for their turn.
        in_work_first: the first of them.
        late_after: seconds that an outcome may take; null where none is late, and none in work.
        late: versions that have an outcome, but not in that time.
        late_first: the first of them, by position.
        doubled: versions whose outcome stands on more than one partition, where no compaction makes them one.
        doubled_first: the first of them.
        without_letter: versions whose outcome says that they are dead letters, and there is no such letter.
        without_letter_first: the first of them.
        invalid: records that are no valid article, and young enough for their dead letter to be kept.
        invalid_expired: invalid records older than dead letters are kept: nothing is asked of them.
        invalid_unaccounted: those of them without a dead letter, and old enough to have one.
        invalid_first: the first of these.
        invalid_in_work: those without a dead letter that are not late yet.
        dead_letters: different records that have a dead letter, of any topic.
        dead_letters_open: dead letters that were neither replayed nor dropped.
        unmatched: outcomes whose article is not there (any more); normal once retention deleted it. Null where only a
            range of time was looked at.
        unreadable: records on the outcomes' and dead letters' topics that are neither.
        since: first moment of the range, RFC 3339; null: from the beginning.
        until: moment after its last; null: to the end.
        recount: the events, recounted from the mentions; null where that was not asked for.
    """

    records: int
    versions: int
    outcomes: Mapping[str, int]
    unaccounted: int
    unaccounted_first: tuple[Unaccounted, ...]
    in_work: int = 0
    in_work_first: tuple[Unaccounted, ...] = ()
    late_after: float | None = None
    late: int = 0
    late_first: tuple[Late, ...] = ()
    doubled: int
    doubled_first: tuple[Unaccounted, ...]
    without_letter: int = 0
    without_letter_first: tuple[Unaccounted, ...] = ()
    invalid: int
    invalid_expired: int
    invalid_unaccounted: int
    invalid_first: tuple[Position, ...]
    invalid_in_work: int = 0
    dead_letters: int
    dead_letters_open: int = 0
    unmatched: int | None
    unreadable: int
    since: str | None = None
    until: str | None = None
    recount: Recount | None = None

    @property
    def complete(self) -> bool:
        """True where nothing is wrong: what is not in work is accounted for, and counted once."""
        faults = self.unaccounted or self.doubled or self.invalid_unaccounted or self.without_letter
        return not faults and (self.recount is None or self.recount.right)

    @property
    def settled(self) -> bool:
        """True where nothing is in work either: another look can find no more."""
        waits = self.in_work or self.invalid_in_work or (self.recount is not None and self.recount.in_work)
        return self.complete and not waits

    @property
    def accounted(self) -> int:
        """How many versions have an outcome."""
        return self.versions - self.unaccounted - self.in_work

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        said = {"complete": self.complete, "settled": self.settled, "accounted": self.accounted}
        return {**said, **asdict(self)}


@dataclass(frozen=True, slots=True)
class VersionLine:
    """An article version, and what became of it."""

    article_id: str
    version: str
    position: Position
    queued_ms: int
    outcome: str | None
    state: str
    """`accounted`, `late`, `doubled`, `in_work` or `unaccounted`."""
    reason: str | None
    seconds: float | None
    coder_version: str | None
    dead_letter: Position | None
    resolution: str | None

    @classmethod
    def of(cls, row: Sequence[Any], ids: tuple[str, str]) -> Self:
        """Return the line of a row of the books."""
        _, topic, partition, offset, queued, outcome, reason, seconds, coder, *rest = row
        letter_topic, letter_partition, letter_offset, action, doubled, late, young = rest
        if outcome is None:
            state = "in_work" if young else "unaccounted"
        else:
            state = "doubled" if doubled else "late" if late else "accounted"
        return cls(
            *ids,
            position=Position(topic, partition, offset),
            queued_ms=queued,
            outcome=outcome,
            state=state,
            reason=reason,
            seconds=seconds,
            coder_version=coder,
            dead_letter=None if letter_topic is None else Position(letter_topic, letter_partition, letter_offset),
            resolution=action,
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "article_id": self.article_id,
            "version": self.version,
            **_place(self.position),
            "queued": show_milliseconds(self.queued_ms),
            "state": self.state,
            "outcome": self.outcome,
            "reason": self.reason,
            "seconds": self.seconds,
            "coder_version": self.coder_version,
            "dead_letter": None if self.dead_letter is None else str(self.dead_letter),
            "resolution": self.resolution,
        }


@dataclass(frozen=True, slots=True)
class InvalidLine:
    """A record that is no valid article, and its dead letter."""

    position: Position
    queued_ms: int
    dead_letter: Position | None
    resolution: str | None

    @classmethod
    def of(cls, position: Position, queued_ms: int, rest: Sequence[Any]) -> Self:
        """Return the line of a row of the books."""
        topic, partition, offset, action = rest
        return cls(position, queued_ms, None if topic is None else Position(topic, partition, offset), action)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "article_id": None,
            "version": None,
            **_place(self.position),
            "queued": show_milliseconds(self.queued_ms),
            "state": "invalid",
            "dead_letter": None if self.dead_letter is None else str(self.dead_letter),
            "resolution": self.resolution,
        }


def render(report: Report) -> str:
    """Return the report for people."""
    lines = [f"{report.accounted} of {report.versions} article versions accounted for ({report.records} records)"]
    if report.since or report.until:
        lines.append(f"queued from {report.since or 'the beginning'} to before {report.until or 'now'}")
    lines += [f"  {printable(kind):<22}{count:>10}" for kind, count in sorted(report.outcomes.items())]
    if report.invalid:
        covered = report.invalid - report.invalid_unaccounted - report.invalid_in_work
        lines.append(f"{covered} of {report.invalid} invalid records have their dead letter")
    if report.invalid_expired:
        lines.append(f"{report.invalid_expired} invalid records are older than dead letters are kept")
    is_open = f", {counted(report.dead_letters_open, 'letter')} open" if report.dead_letters else ""
    lines.append(f"{report.dead_letters} records have dead letters{is_open}")
    if report.unmatched:
        lines.append(f"{report.unmatched} outcomes of articles that are no longer on the topics")
    if report.unreadable:
        lines.append(f"{report.unreadable} records on the outcomes' and dead letters' topics are neither")
    lines += _listing("in work", report.in_work, report.in_work_first[:1])
    if report.invalid_in_work:
        lines.append(f"invalid, in work: {report.invalid_in_work}")
    lines += _listing(f"late, more than {report.late_after or 0:g} s", report.late, report.late_first)
    lines += _listing("without an outcome", report.unaccounted, report.unaccounted_first)
    lines += _listing("with two outcomes", report.doubled, report.doubled_first)
    lines += _listing("given up, and no dead letter is there", report.without_letter, report.without_letter_first)
    lines += _listing("invalid, without a dead letter", report.invalid_unaccounted, report.invalid_first)
    if report.recount is not None:
        lines += render_recount(report.recount)
    if not report.complete:
        lines.append("NOT complete")
    else:
        lines.append("complete" if report.settled else "complete, but for what is in work")
    return "\n".join(lines)


def _listing(title: str, count: int, first: Iterable[object]) -> list[str]:
    if not count:
        return []
    shown = [f"  {short(str(one), 400)}" for one in first]
    more = [f"  … and {count - len(shown)} more"] if count > len(shown) else []
    return [f"{title}: {count}", *shown, *more]


def _place(position: Position) -> dict[str, Any]:
    return {"topic": position.topic, "partition": position.partition, "offset": position.offset}
