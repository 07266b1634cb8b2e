"""What recounting the events from the mentions found. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from depeche.present import short


@dataclass(frozen=True, slots=True)
class Recount:
    """The events on their topic against what the mentions' topic says.

    Attributes:
        mentions: records on the mentions' topic that are a mention or a withdrawal.
        events: events that they add up to.
        in_work: events that differ, whose last record is young: the merger may be about to write it.
        wrong: events that differ from what their mentions add up to.
        wrong_first: the first of them, with the fields that differ.
        missing: events that mentions add up to, and that are not on the events' topic.
        missing_first: the first of them.
        extra: events on the events' topic of which no mention is there, though none can have left its topic.
        extra_first: the first of them.
        doubled: mentions that count in two events, or on two partitions.
        doubled_first: the first of them.
        untold: events that can't be judged, since retention has taken mentions away.
        unreadable: records on both topics that are no message of theirs.
    """

    mentions: int
    events: int
    in_work: int
    wrong: int
    wrong_first: tuple[str, ...]
    missing: int
    missing_first: tuple[str, ...]
    extra: int
    extra_first: tuple[str, ...]
    doubled: int
    doubled_first: tuple[str, ...]
    untold: int
    unreadable: int

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.wrong or self.missing or self.extra or self.doubled)


def render_recount(recount: Recount) -> list[str]:
    """Return the recount for people."""
    lines = [f"{recount.events} events recounted from {recount.mentions} records of mentions"]
    if recount.in_work:
        lines.append(f"  {recount.in_work} events differ and are in work")
    if recount.untold:
        lines.append(f"  {recount.untold} events can't be judged: mentions have left their topic (retention)")
    if recount.unreadable:
        lines.append(f"  {recount.unreadable} records there are neither mentions, withdrawals nor events")
    for title, count, first in (
        ("events that differ from their mentions", recount.wrong, recount.wrong_first),
        ("events that are missing", recount.missing, recount.missing_first),
        ("events without a mention", recount.extra, recount.extra_first),
        ("mentions counted twice", recount.doubled, recount.doubled_first),
    ):
        if count:
            lines.append(f"{title}: {count}")
            lines += [f"  {short(one, 400)}" for one in first]
            if count > len(first):
                lines.append(f"  … and {count - len(first)} more")
    return lines
