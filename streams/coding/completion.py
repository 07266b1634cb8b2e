"""Parties that an act's own sentence leaves out and the article gives: from its other acts, or from who must have acted.

Two rules. An act with an empty side takes it from the nearest act of the same type in the article whose known side
agrees ("les forces irakiennes progressent" after "… combattent l'EI"). Arrests, convictions and closures that name no
agent are done by the authorities of the country where they take place. What is filled so is marked as not standing in
the sentence, with the rule as its reason. Does not overwrite a side that is filled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from streams.coding.actors import ActorResolution
from streams.coding.assembly import Act
from streams.coding.parties import ResolvedParty
from streams.coding.setting import Setting

#: An act further away than this many sentences is no longer the same matter.
_REACH = 12

#: Types whose two sides stay the same through an article. Words are said to many; blows fall between the same two.
_LASTING = frozenset({"ASSAULT", "PROTEST", "COERCE", "SANCTION", "ACCUSE", "THREATEN", "RETREAT", "MOBILIZE", "AID",
                      "CONSULT", "AGREE", "REQUEST", "REJECT", "SUPPORT"})  # fmt: skip


def complete(acts: Sequence[Act], setting: Setting) -> list[Act]:
    """Return the acts with their empty sides filled where the article tells."""
    carried = [_carried(act, acts) for act in acts]
    return [_with_authorities(act, carried, setting) for act in carried]


def _key(party: ResolvedParty) -> str:
    who = party.resolution
    return who.country or who.organisation or party.text


def _agree(one: Sequence[ResolvedParty], other: Sequence[ResolvedParty]) -> bool:
    return bool({_key(p) for p in one} & {_key(p) for p in other})


def _carried(act: Act, acts: Sequence[Act]) -> Act:
    if act.plover not in _LASTING or (act.actors and act.targets):
        return act
    near = sorted(
        (
            other
            for other in acts
            if other is not act
            and other.historical == act.historical
            and abs(other.sentence - act.sentence) <= _REACH
        ),
        key=lambda other: (other.sentence > act.sentence, abs(other.sentence - act.sentence), other.trigger),
    )
    for other in near:
        if other.plover != act.plover:
            continue
        if act.actors and other.targets and _agree(act.actors, other.actors):
            why = f"as in sentence {other.sentence}, where the same actor does the like"
            return replace(act, targets=_as_before(other.targets), targets_reason=why)
        if act.targets and other.actors and _agree(act.targets, other.targets):
            why = f"as in sentence {other.sentence}, where the same party suffers the like"
            return replace(act, actors=_as_before(other.actors), actors_reason=why)
    if not act.actors and not act.targets and act.pattern.pos == "noun":
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


def _as_before(parties: Sequence[ResolvedParty]) -> tuple[ResolvedParty, ...]:
    return tuple(replace(party, coreference=True) for party in parties)


def _needs_authority(act: Act) -> bool:
    if act.actors:
        return False
    return act.plover == "COERCE" or (act.plover == "RETREAT" and act.pattern.entry.mode == "release")


def _with_authorities(act: Act, acts: Sequence[Act], setting: Setting) -> Act:
    """Return an act of force by the state with the state's authorities as its actor."""
    if not _needs_authority(act):
        return act
    country, whence = setting.of(act)
    if country is None:
        return act
    why = f"implied: nobody is named, so the authorities of the country {whence} ({country})"
    for other in acts:
        for party in other.actors:
            if party.resolution.country == country and party.resolution.sector in {"GOV", "COP", "JUD"}:
                return replace(act, actors=(replace(party, coreference=True),), actors_reason=why)
    place = act.place.place
    if place is None:
        return act
    resolution = ActorResolution(None, country, "GOV", None, f"state:{country}", why)
    party = ResolvedParty(place.text, place.start, place.end, resolution, True, place.text)
    return replace(act, actors=(party,), actors_reason=why)
