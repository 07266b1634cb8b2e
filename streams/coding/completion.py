"""Parties that an act's own sentence leaves out and the article gives: by its other acts, or by who must have acted.

An empty side is taken from the nearest act of the kind whose known side agrees ("les forces irakiennes progressent"
after "… combattent l'EI"); who is rebuffed, from whoever accused or asked before; whom a reproach is for, where only a
thing is named ("la manière dont…"), from the article's dispute; whose blow it was, where the article knows one side
that strikes. Arrests and releases that name no agent are the work of the authorities of the country. What is filled so
is marked as not standing in the sentence, with the rule as its reason. Does not overwrite a side that names a party.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from streams.coding.actors import ActorResolution
from streams.coding.assembly import Act
from streams.coding.parties import ResolvedParty
from streams.coding.setting import Setting
from streams.coding.text import fold

#: An act further away than this many sentences is no longer the same matter.
_REACH = 12

#: Types whose two sides stay the same through an article. Words are said to many; blows fall between the same two.
_LASTING = frozenset({"ASSAULT", "PROTEST", "COERCE", "SANCTION", "ACCUSE", "THREATEN", "RETREAT", "MOBILIZE", "AID",
                      "CONSULT", "AGREE", "REQUEST", "REJECT", "SUPPORT"})  # fmt: skip
#: Parties and the reason why they are an act's.
_Told = tuple[tuple[ResolvedParty, ...], str]

#: Types done to somebody: where a thing stands for their target, whoever is behind it is sought.
_AT_SOMEBODY = frozenset({"ACCUSE", "REJECT", "REQUEST", "THREATEN", "SUPPORT"})

#: Types that answer, and what they answer.
_ANSWERS = frozenset({"REJECT", "ACCUSE", "THREATEN"})
_IN_DISPUTE = frozenset({"ACCUSE", "REJECT", "REQUEST", "PROTEST"})
_ONE_HAND = frozenset({"ASSAULT", "PROTEST"})
_ANSWERED = frozenset({"ACCUSE", "REQUEST", "THREATEN", "SANCTION"})


def complete(acts: Sequence[Act], setting: Setting) -> list[Act]:
    """Return the acts with their empty sides filled where the article tells."""
    carried = [_carried(act, acts) for act in acts]
    authorities = _authorities(carried)
    return [_with_authorities(act, authorities, setting) for act in carried]


def _identity(party: ResolvedParty) -> str:
    who = party.resolution
    return who.id or who.name or fold(party.text)


def _side(party: ResolvedParty) -> str:
    who = party.resolution
    return who.country or who.organisation or fold(party.text)


def _agree(one: Sequence[ResolvedParty], other: Sequence[ResolvedParty], key: Callable[[ResolvedParty], str]) -> bool:
    return bool({key(p) for p in one} & {key(p) for p in other})


def _is_thing(party: ResolvedParty) -> bool:
    """Say whether a target is a thing that nobody was found behind ("la manière dont…")."""
    who = party.resolution
    known = who.country or who.organisation or who.sector or who.name
    return not known and not party.domestic


def _near(act: Act, acts: Sequence[Act]) -> list[Act]:
    """Return the other acts within reach, those told before first, the nearest first; ``acts`` are in order."""
    first = bisect_left(acts, act.sentence - _REACH, key=lambda other: other.sentence)
    last = bisect_right(acts, act.sentence + _REACH, lo=first, key=lambda other: other.sentence)
    found = [other for other in acts[first:last] if other is not act and other.historical == act.historical]
    return sorted(found, key=lambda o: (o.sentence > act.sentence, abs(o.sentence - act.sentence), o.trigger))


def _parties_of(parties: Sequence[ResolvedParty]) -> tuple[ResolvedParty, ...]:
    return tuple(p for p in parties if not _is_thing(p))


def _carried(act: Act, acts: Sequence[Act]) -> Act:
    """Return an act with an empty side taken from another act of the article."""
    targets = _parties_of(act.targets) if act.plover in _AT_SOMEBODY else act.targets
    if act.plover not in _LASTING or (act.actors and targets):
        return act
    near = _near(act, acts)
    if act.actors:
        told = _whom(act, near)
        return act if told is None else replace(act, targets=_as_before(told[0]), targets_reason=told[1])
    if targets:
        told = _by_whom(act, targets, near)
        return act if told is None else replace(act, actors=_as_before(told[0]), actors_reason=told[1])
    if act.pattern.pos == "noun":
        for other in near:
            if other.plover == act.plover and other.actors and other.targets:
                why = f"as in sentence {other.sentence}, the nearest act of the kind with parties"
                return replace(
                    act,
                    actors=_as_before(other.actors),
                    targets=_as_before(other.targets),
                    actors_reason=why,
                    targets_reason=why,
                )
    return act


def _whom(act: Act, near: Sequence[Act]) -> _Told | None:
    """Return the targets of an act that names its actor only, and the reason."""
    for key in (_identity, _side):
        for other in near:
            if (told := _opponents(act, other, key)) is not None:
                return told
    if act.plover in _IN_DISPUTE:
        own = {_identity(p) for p in act.actors}
        for other in near:
            found = tuple(p for p in _parties_of(other.targets) if _identity(p) not in own)
            if other.plover in _IN_DISPUTE and found:
                return found, f"as in sentence {other.sentence}: whom the article's dispute is with"
    return None


def _by_whom(act: Act, targets: Sequence[ResolvedParty], near: Sequence[Act]) -> _Told | None:
    """Return the actors of an act that names its targets only, and the reason."""
    alike = [other for other in near if other.plover == act.plover and other.actors]
    for key in (_identity, _side):
        for other in alike:
            if _agree(targets, other.targets, key):
                return other.actors, f"as in sentence {other.sentence}, where the same party suffers the like"
    hands = {_side(p) for other in alike for p in other.actors}
    if act.plover in _ONE_HAND and len(hands) == 1 and not hands & {_side(p) for p in targets}:
        return alike[0].actors, f"as in sentence {alike[0].sentence}: the article knows one side that does the like"
    return None


def _opponents(act: Act, other: Act, key: Callable[[ResolvedParty], str]) -> _Told | None:
    """Return whom the actor of an act faces in another: whom it did the like to, or who had accused or asked it."""
    if other.plover == act.plover and _agree(act.actors, other.actors, key):
        found = _parties_of(other.targets)
        return (found, f"as in sentence {other.sentence}, where the same actor does the like") if found else None
    answers = act.plover in _ANSWERS and other.plover in _ANSWERED and other.sentence <= act.sentence
    if answers and other.actors and _agree(act.actors, other.targets, key):
        own = {_identity(p) for p in act.actors}
        found = tuple(p for p in other.actors if _identity(p) not in own)
        return (found, f"it answers whoever acts on it in sentence {other.sentence}") if found else None
    return None


def _as_before(parties: Sequence[ResolvedParty]) -> tuple[ResolvedParty, ...]:
    return tuple(replace(party, coreference=True) for party in parties)


def _needs_authority(act: Act) -> bool:
    if act.actors:
        return False
    return act.plover == "COERCE" or (act.plover == "RETREAT" and act.pattern.entry.mode == "release")


def _authorities(acts: Sequence[Act]) -> dict[str | None, ResolvedParty]:
    """Return, by country, the first authority that acts in an article."""
    found: dict[str | None, ResolvedParty] = {}
    for party in (party for act in acts for party in act.actors):
        if party.resolution.sector in {"GOV", "COP", "JUD"}:
            found.setdefault(party.resolution.country, party)
    return found


def _with_authorities(act: Act, authorities: Mapping[str | None, ResolvedParty], setting: Setting) -> Act:
    """Return an act of force by the state with the state's authorities as its actor."""
    if not _needs_authority(act):
        return act
    country, whence = setting.of(act)
    if country is None:
        return act
    why = f"implied: nobody is named, so the authorities of the country {whence} ({country})"
    if country in authorities:
        return replace(act, actors=(replace(authorities[country], coreference=True),), actors_reason=why)
    place = act.place.place
    if place is None:
        return act
    resolution = ActorResolution(None, country, "GOV", None, f"state:{country}", why)
    party = ResolvedParty(place.text, place.start, place.end, resolution, True, place.text)
    return replace(act, actors=(party,), actors_reason=why)
