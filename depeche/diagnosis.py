"""Why mentions and hand-coded events disagree: each error of an article, of a kind that tells what to mend.

Takes an article's explanation and its hand-coded events; finds nothing in texts by itself. A kind names the step at
which the right reading was lost, as far as the coder's own decisions tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from depeche.explain import TOLD
from depeche.gold import GoldArticle, GoldEvent, GoldParty
from depeche.present import date, modality, parties, place, quantity
from depeche.scoring import Slot, content_words, judged_slots, overlap, parties_agree, prediction_of
from schemas.mention import Mention
from streams.coding.explained import Candidate, Explanation, SentenceRead, Verdict
from streams.coding.explanation import possible_types

Kind = Literal[
    "missed: sentence not parsed",
    "missed: no lexicon word",
    "missed: word of another type",
    "missed: other construction",
    "missed: constraint failed",
    "missed: lost to another reading",
    "missed: not told as an act",
    "missed: no act by the trained model",
    "missed: left out as doubtful",
    "missed: one mention for several events",
    "wrong type",
    "spurious: told twice",
    "spurious: no such event",
    "actor missing",
    "actor wrong",
    "target missing",
    "target wrong",
    "place_country missing",
    "place_country wrong",
    "place_name missing",
    "place_name wrong",
    "date missing",
    "date wrong",
    "quantity missing",
    "quantity wrong",
    "modality wrong",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""All kinds of errors, in the order in which they are reported."""

OF_VERDICT: Final[dict[Verdict, Kind]] = {
    "coded": "missed: one mention for several events",
    "doubtful": "missed: left out as doubtful",
    "mishap": "missed: left out as doubtful",
    "repeated": "missed: lost to another reading",
    "untold": "missed: not told as an act",
    "merged": "missed: lost to another reading",
    "contained": "missed: lost to another reading",
    "unrecognised": "missed: no act by the trained model",
    "outranked": "missed: lost to another reading",
    "constraint": "missed: constraint failed",
    "construction": "missed: other construction",
}
"""The kind of a missed event whose nearest candidate ended so."""

_FARTHEST: Final[tuple[Verdict, ...]] = get_args(Verdict)

_HALF = 0.5
_STEM = 5
"""Letters in which two words must agree to be forms of one word."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One disagreement."""

    kind: Kind
    article: str
    start: int
    """Offset of the evidence, in code points."""
    sentence: str
    expected: str
    """What the hand-coded event says; empty for a spurious mention."""
    found: str
    """What was coded; empty for a missed event."""
    reason: str


def diagnose(gold: GoldArticle, told: Explanation, pairs: dict[int, int]) -> Iterator[Fault]:
    """Yield what is wrong with an article's mentions.

    Args:
        gold: the hand-coded article.
        told: its explanation.
        pairs: index of mention → index of event, as scored.
    """
    mentions = told.coding.mentions
    unmatched = [m for i, m in enumerate(mentions) if i not in pairs]
    missed = [e for j, e in enumerate(gold.events) if e.core and j not in set(pairs.values())]
    for event in missed:
        other = next((m for m in unmatched if _is_meant(event, m)), None)
        if other is None:
            yield _missed(event, gold, told)
        else:
            unmatched.remove(other)
            yield _fault(
                "wrong type", gold, event, expected=_expected(event), found=_coded(other), reason=other.reasons.type
            )
    for mention in unmatched:
        yield _spurious(mention, gold)
    for i, j in sorted(pairs.items()):
        if gold.events[j].core:
            yield from _slots(gold.events[j], mentions[i], gold)


def _span(of: Mention | GoldEvent) -> tuple[int, int]:
    return (of.start, of.end) if isinstance(of, GoldEvent) else (of.evidence.start, of.evidence.end)


def _alike(one: str, other: str) -> bool:
    """Say whether two phrases share a word, in any of its forms."""
    stems = {word[:_STEM] for word in content_words(one)}
    return bool(stems & {word[:_STEM] for word in content_words(other)})


def _is_meant(event: GoldEvent, mention: Mention) -> bool:
    """Say whether a mention that matches nothing means an event under another type: by its word, else its parties."""
    if mention.type in event.accepted or overlap(_span(mention), _span(event)) < _HALF:
        return False
    if event.trigger:
        return _alike(event.trigger, mention.trigger.text)
    one = prediction_of(mention)
    return parties_agree(event.actor, one.actors) and parties_agree(event.target, one.targets)


def _fault(kind: Kind, gold: GoldArticle, event: GoldEvent, *, expected: str, found: str, reason: str) -> Fault:
    return Fault(kind, gold.id, event.start, gold.article.text[event.start : event.end], expected, found, reason)


def _missed(event: GoldEvent, gold: GoldArticle, told: Explanation) -> Fault:
    kind, reason = _why_missed(event, told)
    return _fault(kind, gold, event, expected=_expected(event), found="", reason=reason)


def _why_missed(event: GoldEvent, told: Explanation) -> tuple[Kind, str]:
    """Return at which step an event was lost, and the coder's reason there."""
    if not told.sentences:
        return "missed: sentence not parsed", f"the article was not read: {told.coding.outcome}"
    span = _span(event)
    read = [s for s in told.sentences if overlap((s.sentence.start, s.sentence.end), span) >= _HALF]
    candidates = [c for s in read for c in s.candidates]
    accepted = [c for c in candidates if event.accepted & possible_types(c.entry)]
    its_own = [c for c in accepted if not event.trigger or _alike(event.trigger, c.words)]
    if its_own:
        best = min(its_own, key=lambda c: (_FARTHEST.index(c.verdict), c.start))
        return OF_VERDICT[best.verdict], _told(best)
    if not any(s.read == "for acts" for s in read):
        return "missed: sentence not parsed", _lacks(event, read)
    if event.trigger:
        others = [c for c in candidates if _alike(event.trigger, c.words)]
        if others:
            named = "; ".join(dict.fromkeys(f"{c.entry.type}, {_told(c)}" for c in others))
            return "missed: word of another type", named
    near = min(accepted, key=lambda c: (_FARTHEST.index(c.verdict), c.start), default=None)
    also = f"; of the type there is {_told(near)}" if near is not None else ""
    return "missed: no lexicon word", _lacks(event, read) + also


def _told(candidate: Candidate) -> str:
    return f"“{candidate.words}” (entry {candidate.entry.id}) {TOLD[candidate.verdict]}: {candidate.reason}"


def _lacks(event: GoldEvent, read: Sequence[SentenceRead]) -> str:
    """Say what the sentences of an event lack of an entry of its types that begins with its word."""
    if any(s.read == "heading" for s in read):
        return "read as a heading"
    trigger = event.trigger or ""
    types = " or ".join(sorted(event.accepted))
    for one in (one for s in read for one in s.lacking):
        if event.accepted & possible_types(one.entry) and (not trigger or _alike(trigger, one.words)):
            return f"“{one.words}” (entry {one.entry.id}) lacks “{one.missing[0]}”"
    return f"no entry of {types} holds " + (f"“{trigger}”" if trigger else "a word of it")


def _spurious(mention: Mention, gold: GoldArticle) -> Fault:
    same = [e for e in gold.events if mention.type in e.accepted and overlap(_span(mention), _span(e)) >= _HALF]
    if same:
        kind: Kind = "spurious: told twice"
        reason = f"the only such events of the sentence match other mentions; {mention.reasons.type}"
    else:
        kind, reason = "spurious: no such event", mention.reasons.type
    return Fault(kind, gold.id, mention.evidence.start, mention.evidence.text, "", _coded(mention), reason)


def _slots(event: GoldEvent, mention: Mention, gold: GoldArticle) -> Iterator[Fault]:
    for slot, right in judged_slots(event, prediction_of(mention)).items():
        if not right:
            kind, expected, found, reason = _slot(slot, event, mention)
            yield _fault(kind, gold, event, expected=expected, found=found, reason=reason)


def _slot(slot: Slot, event: GoldEvent, mention: Mention) -> tuple[Kind, str, str, str]:
    """Return the kind of a wrong slot, what the event has in it, what the mention has, and why."""
    reasons = mention.reasons
    match slot:
        case "actor":
            kind: Kind = "actor wrong" if mention.actors else "actor missing"
            return kind, _gold_parties(event.actor), parties(mention.actors), reasons.actors
        case "target":
            kind = "target wrong" if mention.targets else "target missing"
            return kind, _gold_parties(event.target), parties(mention.targets), reasons.targets
        case "place_country" | "place_name":
            where = mention.place
            reason = where.how if where is not None else reasons.place
            if slot == "place_country":
                kind = "place_country wrong" if where is not None else "place_country missing"
            else:
                kind = "place_name wrong" if where is not None else "place_name missing"
            return kind, _gold_place(event), place(where), reason
        case "date":
            kind = "date wrong" if mention.date is not None and mention.date.value else "date missing"
            return kind, (event.date and event.date.iso) or "", date(mention.date), reasons.date
        case "quantity":
            kind = "quantity wrong" if mention.quantities else "quantity missing"
            wanted = "; ".join(f"{q.value:g} {q.kind}" for q in event.quantity if q.value is not None)
            return kind, wanted, "; ".join(map(quantity, mention.quantities)), reasons.quantities
        case "modality":
            return "modality wrong", event.modality, modality(mention), reasons.modality


def _gold_parties(sides: Iterable[GoldParty]) -> str:
    named = (f"{p.text} ({'/'.join(sorted(p.codes))})" if p.codes else p.text for p in sides)
    return ", ".join(named) or "?"


def _gold_place(event: GoldEvent) -> str:
    where = event.place
    if where is None:
        return "?"
    name = where.name or where.text or "?"
    return f"{name} ({where.iso2})" if where.iso2 else name


def _expected(event: GoldEvent) -> str:
    trigger = f" “{event.trigger}”" if event.trigger else ""
    return f"{event.plover}{trigger}: {_gold_parties(event.actor)} → {_gold_parties(event.target)}"


def _coded(mention: Mention) -> str:
    sides = f"{parties(mention.actors)} → {parties(mention.targets)}"
    return f"{mention.type} “{mention.trigger.text}”: {sides}"
