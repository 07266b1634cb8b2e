"""Which version of an article is current, and what it no longer says: pure, no Kafka, no clock.

The account of one article is its current version (the greatest revision: fetch time, then version) and the events
that this version makes mention of. An outcome that arrives either replaces the current version or comes late; either
way some events are left that an older version mentioned and the current one does not, and these are withdrawn at the
current revision. The merger gives a withdrawal the same weight in whatever order it arrives.

Why the account need not remember older versions: what an older version said was withdrawn, or said again, when a
newer one became current; and a version that arrives late brings its own events with it. So an account is as large as
one outcome.

An account that nothing has touched for long is taken away (`streams.retention` says when): a version that comes after
that is taken for the first, and withdraws nothing.

A version that became a dead letter does not count: what it says is unknown, and unknown is not withdrawn. Once it is
coded after all, its outcome is accounted like any other that comes late.
"""

from __future__ import annotations

from datetime import date

from schemas.article import revision_time
from schemas.base import Part, UtcTime
from schemas.mention import Withdrawal
from schemas.outcome import Outcome


class Account(Part):
    """What is known of one article. Stored as JSON under the article's id."""

    touched: date | None = None
    """The stream's day when an outcome last came for it; first, so that it can be read without the rest."""
    fetched: UtcTime
    version: str
    killed: bool
    event_ids: tuple[str, ...]
    """Events that the current version makes mention of, sorted."""

    @property
    def revision(self) -> tuple[str, str]:
        """Orders versions, as `Article.revision` does."""
        return (revision_time(self.fetched), self.version)

    def to_bytes(self) -> bytes:
        """Return it as it is stored."""
        return self.model_dump_json().encode()


def account(
    current: Account | None, outcome: Outcome, *, day: date | None = None
) -> tuple[Account | None, tuple[Withdrawal, ...]]:
    """Enter an outcome into an article's account.

    Args:
        current: the article's account; null where it has none.
        outcome: of one of the article's versions.
        day: the stream's, as the account is to remember it.

    Returns:
        The new account (the same object where the outcome changes nothing) and the withdrawals that follow.
    """
    if outcome.outcome == "dead_letter":
        return current, ()
    entered = Account(
        touched=_later(day, None if current is None else current.touched),
        fetched=outcome.fetched,
        version=outcome.version,
        killed=outcome.status == "killed",
        event_ids=tuple(sorted(set(outcome.event_ids))),
    )
    if current is None:
        return entered, ()
    if entered.revision == current.revision:
        # Done again, or coded again by another coder: what either coding said is to be withdrawn by a later version.
        both = tuple(sorted({*current.event_ids, *entered.event_ids}))
        united = current.model_copy(update={"event_ids": both, "touched": entered.touched})
        return (current if united == current else united), ()
    newer, older = (entered, current) if entered.revision > current.revision else (current, entered)
    gone = sorted(set(older.event_ids) - set(newer.event_ids))
    if newer.touched != entered.touched:
        newer = newer.model_copy(update={"touched": entered.touched})
    return newer, tuple(_withdrawal(event_id, outcome.article_id, newer) for event_id in gone)


def touched(kept: Account) -> date:
    """Return the day when an account was last touched; one that does not say so was when its article was fetched."""
    return kept.fetched.date() if kept.touched is None else kept.touched


def _later(one: date | None, other: date | None) -> date | None:
    return max((day for day in (one, other) if day is not None), default=None)


def _withdrawal(event_id: str, article_id: str, newer: Account) -> Withdrawal:
    return Withdrawal(
        event_id=event_id,
        article_id=article_id,
        article_version=newer.version,
        fetched=newer.fetched,
        reason="killed" if newer.killed else "corrected",
    )
