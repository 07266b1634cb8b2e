"""Dates that an article gives for an act elsewhere than in the act's own clause, settled when all its acts are read.

News tells what happened twice: first with the day of whoever says so ("a indiqué mercredi une source"), then with the
day of the act ("mardi soir"). An act on the ground that has no date of its own takes that of the same act told
elsewhere, a noun ("son arrestation") also that of background; where the day it inherited is only one of telling, that
of the article's other acts on the ground. Acts of words and plans keep what they have. An act on the ground that is
dated after publication is a plan. Does not look at sentences (:mod:`date_choice`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from streams.coding.assembly import Act
from streams.coding.date_choice import ChosenDate
from streams.coding.place_choice import VERBAL_TYPES

#: Words that begin alike are forms of one: "attaque", "attaqué"; "arrêté", "arrestation".
_STEM = 4

_DAY = len("2020-01-31")


def settle_dates(acts: Sequence[Act]) -> list[Act]:
    """Return the acts, dates inherited from the telling replaced by those of the acts themselves."""
    planned = [_to_come(act) for act in acts]
    dated = [act for act in planned if _on_the_ground(act) and _has_own_day(act)]
    told = [act for act in planned if _on_the_ground(act) and act.date.own and act.date.resolved is not None]
    news = _day_of_news(planned)
    return [_with_day_of_news(_dated(act, dated, told), news) for act in planned]


def _day_of_news(acts: Sequence[Act]) -> Act | None:
    """Return an act of the day of the news where no lead names it: of the day on which most acts are told to be."""
    told = [act for act in acts if act.stance.modality in {"asserted", "reported"} and _is_fresh(act)]
    days = Counter(_value(act) for act in told)
    return min(told, key=lambda act: (-days[_value(act)], act.sentence, act.trigger)) if told else None


def _is_fresh(act: Act) -> bool:
    """Say whether an act's own day, or that on which it is told, is near publication."""
    day = act.date.resolved
    if day is None or not (act.date.own or act.date.told) or act.stance.past_perfect:
        return False
    return act.date.fresh and not day.future


def _with_day_of_news(act: Act, news: Act | None) -> Act:
    """Return an act that has no date at all with that of the news, if it is told as news."""
    undated = act.date.expression is None and act.stance.modality in {"asserted", "reported", "denied"}
    if news is None or not undated or act.stance.past_perfect:
        return act
    return replace(act, date=_taken(news.date, f"day of the news, which sentence {news.sentence} names"))


def _to_come(act: Act) -> Act:
    """Return an act on the ground as planned where its own date lies after publication: "la marche de dimanche"."""
    resolved = act.date.resolved
    if resolved is None or not resolved.future or not act.date.own or not _on_the_ground(act):
        return act
    return replace(act, stance=replace(act.stance, modality="planned", reason="dated after publication"))


def _on_the_ground(act: Act) -> bool:
    return act.plover not in VERBAL_TYPES and act.stance.modality in {"asserted", "reported"}


def _has_own_day(act: Act) -> bool:
    resolved = act.date.resolved
    day = resolved is not None and resolved.value is not None and len(resolved.value) == _DAY
    return day and act.date.own and not act.historical and not act.stance.past_perfect


def _dated(act: Act, dated: Sequence[Act], told: Sequence[Act]) -> Act:
    if act.date.own or not _on_the_ground(act) or act.stance.past_perfect:
        return act
    among = told if act.pattern.pos == "noun" else dated
    same = [other for other in among if other.plover == act.plover and _alike(act, other)]
    if same:
        nearest = min(same, key=lambda other: (abs(other.sentence - act.sentence), other.trigger))
        return replace(act, date=_taken(nearest.date, f"as sentence {nearest.sentence} dates the same act"))
    if act.date.told:
        first = next((o for o in dated if o.date.resolved is not None and not _later(o.date, act.date)), None)
        if first is not None:
            return replace(act, date=_taken(first.date, f"day of what sentence {first.sentence} tells"))
    return act


def _alike(act: Act, other: Act) -> bool:
    return act.node.lemma[:_STEM] == other.node.lemma[:_STEM]


def _later(day: ChosenDate, told: ChosenDate) -> bool:
    """Say whether a day lies after that on which the act is told."""
    if day.resolved is None or told.resolved is None or day.resolved.value is None or told.resolved.value is None:
        return False
    return day.resolved.value > told.resolved.value


def _taken(date: ChosenDate, reason: str) -> ChosenDate:
    how = date.resolved.reason if date.resolved is not None else ""
    return replace(date, reason=f"{reason}; {how}" if how else reason, own=False, told=False)


def _value(act: Act) -> str | None:
    return act.date.resolved.value if act.date.resolved is not None else None
