"""The report of `depeche diff` for people: what differs, counted, and examples with sentence and reasons. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from depeche.present import act, counted, printable, short, visible
from depeche.replay.diff import Difference, DiffReport, SideReport
from schemas.mention import Mention

_SENTENCE: Final = 400
_REASON: Final = 200


def render(report: DiffReport) -> str:
    """Return the report."""
    return "\n".join(visible(line) for line in _lines(report))


def _lines(report: DiffReport) -> Iterator[str]:
    left, right = report.sides
    yield from _side("left ", left)
    yield from _side("right", right)
    for side in report.sides:
        if side.incomplete:
            yield (
                f"{counted(side.incomplete, 'article version')} not compared: {side.prefix}.mentions no longer has all "
                f"their mentions (they are kept for 90 days)"
            )
    later = f"; {report.superseded} superseded by later ones passed over" if report.superseded else ""
    yield f"{counted(report.compared, 'article version')} of both compared{later}"
    if report.recoded:
        yield f"{report.recoded} of them were coded more than once by different coders: the last coding is compared"
    yield ""
    yield f"mentions  {left.mentions} → {right.mentions}"
    kept = report.identical + report.same
    yield f"  {'unchanged':<12}{kept:>8}   ({report.identical} byte for byte, {report.same} with other reasons)"
    moved = f"   ({report.events_moved} of them to another event)" if report.events_moved else ""
    yield f"  {'changed':<12}{report.changed:>8}{moved}"
    yield f"  {'lost':<12}{report.lost:>8}"
    yield f"  {'gained':<12}{report.gained:>8}"
    yield from _counts("changed slots", report.slots.most_common())
    yield from _types(report)
    yield from _counts("changed types", report.retyped.most_common())
    yield from _counts("changed outcomes", report.outcomes.most_common())
    for what in ("outcome", "lost", "gained", "changed"):
        for example in report.examples:
            if example.what == what:
                yield from ("", *_example(example))
    yield ""
    yield _verdict(report)


def _verdict(report: DiffReport) -> str:
    if not report.compared:
        return "nothing was compared: no article version is in both"
    return "the codings differ" if report.differ else "the codings are equal"


def _side(name: str, side: SideReport) -> Iterator[str]:
    alone = f", {side.alone} of them not in the other" if side.alone else ""
    yield f"{name}     {side.prefix}: {counted(side.versions, 'article version')}{alone}"
    for coder in side.coders:
        yield f"          coded by {printable(coder)}"
    if side.unreadable:
        yield f"          {counted(side.unreadable, 'record')} could not be read"


def _counts(title: str, rows: list[tuple[str, int]]) -> Iterator[str]:
    if rows:
        yield ""
        yield title
        width = max(len(name) for name, _ in rows)
        yield from (f"  {name:<{width}}{count:>8}" for name, count in rows)


def _types(report: DiffReport) -> Iterator[str]:
    rows = {name: row for name, row in sorted(report.types.items()) if row.lost or row.gained or row.changed}
    if not rows:
        return
    yield ""
    yield f"{'by type':<14}{'left':>8}{'right':>8}{'lost':>8}{'gained':>8}{'changed':>8}"
    for name, row in rows.items():
        yield f"  {name:<12}{row.left:>8}{row.right:>8}{row.lost:>8}{row.gained:>8}{row.changed:>8}"


def _example(one: Difference) -> Iterator[str]:
    where = f"{short(one.article.source_id, 40)} {one.article.article_id}:{one.article.version}"
    if one.what == "outcome":
        left, right = one.outcomes
        yield f"OUTCOME   {where}"
        for sign, outcome in (("-", left), ("+", right)):
            if outcome is not None:
                reason = f" ({short(outcome.reason, _REASON)})" if outcome.reason else ""
                yield f"  {sign} {outcome.outcome}{reason}"
        return
    left_mention, right_mention = one.mentions
    shown = left_mention or right_mention
    assert shown is not None  # noqa: S101 - one of a mention has one
    yield f"{one.what.upper():<10}{where}"
    yield f"  “{short(shown.evidence.text, _SENTENCE)}”"
    if one.what == "changed":
        for change in one.changes:
            yield f"  {change.slot.name}"
            for sign, mention in (("-", change.left), ("+", change.right)):
                yield f"    {sign} {short(change.slot.shown(mention), _REASON)}"
                yield f"      because {short(change.slot.reason(mention), _REASON)}"
    else:
        yield f"  {'-' if one.what == 'lost' else '+'} {act(shown)}"
        yield from (f"      {line}" for line in _why(shown))


def _why(mention: Mention) -> Iterator[str]:
    yield f"because {short(mention.reasons.type, _REASON)}"
    yield f"confidence {short(mention.reasons.confidence, _REASON)}"
