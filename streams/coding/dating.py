"""Dates that an article gives for an act elsewhere than in the act's own clause, settled when all its acts are read.

News tells what happened twice: first with the day of whoever says so ("a indiqué mercredi une source"), then with the
day of the act ("mardi soir"). An act on the ground that has no date of its own takes that of the same act told
elsewhere, a noun ("son arrestation") also that of background; where the day it inherited is only one of telling, that
of the article's other acts on the ground. Acts of words and plans keep what they have. An act on the ground that is
dated after publication is a plan. Does not look at sentences (:mod:`date_choice`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from streams.coding.assembly import Act
from streams.coding.date_choice import ChosenDate
from streams.coding.place_choice import VERBAL_TYPES

#: Words that begin alike are forms of one: "attaque", "attaqué"; "arrêté", "arrestation".
_STEM = 4

_DAY = len("2020-01-31")


def settle_dates(acts: Sequence[Act]) -> list[Act]:
    """Return the acts, dates inherited from the telling replaced by those of the acts themselves."""
    planned = [_to_come(act) for act in acts]
    dated = _Dated([act for act in planned if _on_the_ground(act) and _has_own_day(act)])
    told = _Dated([act for act in planned if _on_the_ground(act) and act.date.own and act.date.resolved is not None])
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


class _Dated:
    """Acts that have a date, to be found by their word and day: an article may tell thousands."""

    def __init__(self, acts: Sequence[Act]) -> None:
        """Take the acts in order."""
        self._alike: defaultdict[tuple[str, str], dict[int, Act]] = defaultdict(dict)
        first_on: dict[str, int] = {}
        for position, act in enumerate(acts):
            known = self._alike[_word(act)].setdefault(act.sentence, act)
            if act.trigger < known.trigger:
                self._alike[_word(act)][act.sentence] = act
            value = _value(act)
            if value is not None:
                first_on.setdefault(value, position)
        self._acts = acts
        self._days = sorted(first_on)
        self._first_until = list(accumulate((first_on[day] for day in self._days), min))
        self._sentences = {word: sorted(by_sentence) for word, by_sentence in self._alike.items()}

    def nearest_alike(self, act: Act) -> Act | None:
        """Return the act of the same word and type in the nearest sentence, of two as near the one before."""
        word = _word(act)
        sentences = self._sentences.get(word, [])
        at = bisect_left(sentences, act.sentence)
        beside = sentences[max(0, at - 1) : at + 1]
        if not beside:
            return None
        return self._alike[word][min(beside, key=lambda sentence: (abs(sentence - act.sentence), sentence))]

    def first_not_after(self, day: str | None) -> Act | None:
        """Return the first act that is not dated after a day; the first of all where that is not known."""
        until = len(self._days) if day is None else bisect_right(self._days, day)
        return self._acts[self._first_until[until - 1]] if until else None


def _dated(act: Act, dated: _Dated, told: _Dated) -> Act:
    if act.date.own or not _on_the_ground(act) or act.stance.past_perfect:
        return act
    among = told if act.pattern.pos == "noun" else dated
    nearest = among.nearest_alike(act)
    if nearest is not None:
        return replace(act, date=_taken(nearest.date, f"as sentence {nearest.sentence} dates the same act"))
    if act.date.told:
        first = dated.first_not_after(_value(act))
        if first is not None:
            return replace(act, date=_taken(first.date, f"day of what sentence {first.sentence} tells"))
    return act


def _word(act: Act) -> tuple[str, str]:
    """Return what acts told by forms of one word have in common."""
    return act.plover, act.node.lemma[:_STEM]


def _taken(date: ChosenDate, reason: str) -> ChosenDate:
    how = date.resolved.reason if date.resolved is not None else ""
    return replace(date, reason=f"{reason}; {how}" if how else reason, own=False, told=False)


def _value(act: Act) -> str | None:
    return act.date.resolved.value if act.date.resolved is not None else None
