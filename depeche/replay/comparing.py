"""Two codings of one article version: which mentions are the same act, and in which slots they differ. Pure.

What the reasons and the `how` of a slot say is no part of its value: another way to the same value is no change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from depeche.present import date, parties, place, printable, quantity
from schemas.mention import Attribution, Mention, Party

Key = Callable[[Mention], object]

_KEYS: Final[tuple[Key, ...]] = (
    lambda m: m.mention_id,
    lambda m: (m.evidence.start, m.evidence.end, m.trigger.start, m.type),
    lambda m: (m.evidence.start, m.evidence.end, m.trigger.start),
    lambda m: (m.evidence.start, m.evidence.end, m.type),
    lambda m: (m.trigger.start, m.type),
)
"""What makes two mentions the same act, the surest first: the id; sentence, trigger and type; sentence and trigger (the
type changed); sentence and type (another word carries the act); trigger and type (the sentence was cut otherwise)."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The mentions of two codings, side by side."""

    both: tuple[tuple[Mention, Mention], ...]
    lost: tuple[Mention, ...]
    """In the left coding only."""
    gained: tuple[Mention, ...]
    """In the right coding only."""


def pair(left: Iterable[Mention], right: Iterable[Mention]) -> Pairs:
    """Match the mentions of one article version in two codings; each at most once, whatever their order."""
    lefts, rights = sorted(left, key=_place_of), sorted(right, key=_place_of)
    both: list[tuple[Mention, Mention]] = []
    for key in _KEYS:
        waiting: dict[object, list[Mention]] = {}
        for mention in rights:
            waiting.setdefault(key(mention), []).append(mention)
        unmatched = []
        for mention in lefts:
            candidates = waiting.get(key(mention))
            if candidates:
                both.append((mention, candidates.pop(0)))
            else:
                unmatched.append(mention)
        lefts = unmatched
        rights = [mention for mention in rights if any(mention is one for one in waiting[key(mention)])]
    return Pairs(tuple(sorted(both, key=lambda two: _place_of(two[0]))), tuple(lefts), tuple(rights))


def _place_of(mention: Mention) -> tuple[int, int, str]:
    return (mention.evidence.start, mention.trigger.start, mention.mention_id)


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of a mention that is compared."""

    name: str
    value: Callable[[Mention], Any]
    """As plain values, to be compared and written as JSON."""
    shown: Callable[[Mention], str]
    reason: Callable[[Mention], str]


@dataclass(frozen=True, slots=True)
class Change:
    """A slot that two codings fill differently."""

    slot: Slot
    left: Mention
    right: Mention

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "slot": self.slot.name,
            "left": self.slot.value(self.left),
            "right": self.slot.value(self.right),
            "left_reason": self.slot.reason(self.left),
            "right_reason": self.slot.reason(self.right),
        }


def changes(left: Mention, right: Mention, *, tolerance: float) -> tuple[Change, ...]:
    """Return the slots in which two codings of one act differ.

    Args:
        left: the act in one coding.
        right: the act in the other.
        tolerance: by how much the confidences may differ.
    """
    return tuple(
        Change(slot, left, right)
        for slot in SLOTS
        if slot.value(left) != slot.value(right)
        and not (slot.name == "confidence" and abs(left.confidence - right.confidence) <= tolerance)
    )


def _party(item: Party) -> dict[str, Any]:
    return item.model_dump(mode="json", exclude={"how"})


def _attribution(item: Attribution | None) -> dict[str, Any] | None:
    return None if item is None else item.model_dump(mode="json", exclude={"party": {"how"}})


def _said(text: str) -> str:
    return f"“{printable(text)}”"


def _words(items: Sequence[Party]) -> str:
    """Return the words of parties: what is left to tell them apart by where their codes agree."""
    return ", ".join(_said(item.text) for item in items)


def _parties(items: Sequence[Party]) -> str:
    return f"{parties(items)} {_words(items)}".rstrip()


def _plain(name: str, reason: str = "type") -> Slot:
    """Return a slot that is one field, shown as it is."""
    return Slot(
        name,
        value=lambda m: getattr(m, name),
        shown=lambda m: "–" if getattr(m, name) is None else str(getattr(m, name)),
        reason=lambda m: str(getattr(m.reasons, reason)),
    )


SLOTS: Final = (
    _plain("type"),
    _plain("mode"),
    Slot("context", lambda m: list(m.context), lambda m: ", ".join(m.context) or "–", lambda m: m.reasons.type),
    _plain("cameo"),
    Slot(
        "scores",
        lambda m: [m.quad_class, m.goldstein, m.plover_score],
        lambda m: f"{m.quad_class}, Goldstein {m.goldstein}, PLOVER {m.plover_score:g}",
        lambda m: m.reasons.type,
    ),
    Slot("actors", lambda m: [_party(p) for p in m.actors], lambda m: _parties(m.actors), lambda m: m.reasons.actors),
    Slot(
        "targets", lambda m: [_party(p) for p in m.targets], lambda m: _parties(m.targets), lambda m: m.reasons.targets
    ),
    Slot(
        "place",
        lambda m: None if m.place is None else m.place.model_dump(mode="json", exclude={"how", "score"}),
        lambda m: place(m.place) or "–",
        lambda m: m.reasons.place,
    ),
    Slot(
        "date",
        lambda m: None if m.date is None else m.date.model_dump(mode="json", exclude={"how"}),
        lambda m: "–" if m.date is None else f"{date(m.date)} {_said(m.date.text)}",
        lambda m: m.reasons.date,
    ),
    Slot(
        "quantities",
        lambda m: [q.model_dump(mode="json") for q in m.quantities],
        lambda m: "; ".join(f"{quantity(q)} {_said(q.text)}" for q in m.quantities) or "–",
        lambda m: m.reasons.quantities,
    ),
    _plain("modality", "modality"),
    _plain("historical", "modality"),
    Slot(
        "attribution",
        lambda m: _attribution(m.attribution),
        lambda m: "–" if m.attribution is None else _said(m.attribution.text),
        lambda m: m.reasons.attribution,
    ),
    Slot("confidence", lambda m: m.confidence, lambda m: f"{m.confidence:.3f}", lambda m: m.reasons.confidence),
    Slot(
        "trigger",
        lambda m: [m.trigger.start, m.trigger.end],
        lambda m: _said(m.trigger.text),
        lambda m: m.reasons.type,
    ),
    Slot(
        "evidence",
        lambda m: [m.evidence.start, m.evidence.end],
        lambda m: _said(m.evidence.text),
        lambda m: m.reasons.type,
    ),
    _plain("language"),
)
"""What is compared. Ids follow from it, and so does what names the article."""
