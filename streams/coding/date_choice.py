"""When an act takes place, among the dates that its article names.

Rules in order: a date that hangs on the act's own words or clause; for acts of words, the day on which they are said;
for what is told in the pluperfect without a date, the date told just before; the day of the news, which the lead names.
What none of them gives stays empty, with the reason. How a date is read off its words is for :mod:`dates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from streams.coding.circumstance_words import CircumstanceWords
from streams.coding.dates import DateExpression, DateGrammar, ResolvedDate, Tense
from streams.coding.place_choice import VERBAL_TYPES
from streams.coding.spans import between, head_of, meeting, nodes_between, starting_in
from streams.coding.text import fold
from streams.coding.tree import Node, Tree

#: A date that scores lower belongs to another act of its sentence.
_TOO_FAR = -1.3

#: How much farther a date is from an act for each verb, and each noun, through which it hangs on it.
_PER_VERB, _PER_NOUN = 1.6, 0.2

#: How much farther a date is for being that of another noun, or standing in a relative clause.
_OF_NOUN, _IN_RELATIVE = 3.5, 1.5
_OF = frozenset({"de", "of"})

#: How many days may lie between publication and the day of the news that a lead names; how many lie there as a rule;
#: and between publication and a day that any other sentence names.
_NEWS_DAYS, _FRESH_DAYS, _LATEST_DAYS = 31, 8, 4

#: How long ago something must be to be history.
_HISTORY_DAYS = 300

#: A date told before gives its day to background at most this many code points on.
_REACH = 400

_DAY = len("2020-01-31")

#: The rule of "dans la soirée": a part of the day told before, of that of publication where none was.
_PART_OF_DAY = "part-of-the-day"


@dataclass(frozen=True, slots=True)
class ChosenDate:
    """A date for an act, or why there is none."""

    expression: DateExpression | None
    resolved: ResolvedDate | None
    reason: str
    own: bool = False
    """True where the date hangs on the act itself; False where it is inherited, or that of who tells the act."""
    told: bool = False
    """True for a day on which somebody tells of the act: the act may lie before it."""
    fresh: bool = False
    """True for a day near publication, of the act's own sentence: it may be that of the news."""

    @property
    def is_wide(self) -> bool:
        """True for a month, season or year."""
        return self.resolved is not None and self.resolved.granularity in {"month", "season", "year"}


class DateChoice:
    """Chooses the dates of one article's acts, in the order of its sentences."""

    def __init__(
        self,
        *,
        words: CircumstanceWords,
        saying: frozenset[str],
        dates: Sequence[DateExpression],
        grammar: DateGrammar,
        published: date | None,
    ) -> None:
        """Take the date expressions of the whole text, in order."""
        self._words = words
        self._saying = saying
        self._stretches = tuple(words.stretches)
        self._dates = tuple(dates)
        self._grammar = grammar
        self._published = published
        self._lead_dates: tuple[DateExpression, ...] = ()
        self._clauses: dict[int, tuple[Tense | None, bool]] = {}
        self._before = self._chain()

    def _chain(self) -> dict[int, tuple[DateExpression, ResolvedDate] | None]:
        """Return for each expression, by its start, the last dated one before it in the text."""
        before: dict[int, tuple[DateExpression, ResolvedDate] | None] = {}
        last: tuple[DateExpression, ResolvedDate] | None = None
        for expression in self._dates:
            before[expression.start] = last
            previous = last[1].earliest if last is not None else None
            resolved = self._grammar.resolve(expression, published=self._published, previous=previous)
            if resolved.value is not None and resolved.earliest is not None:
                last = (expression, resolved)
        return before

    def read_lead(self, end: int) -> None:
        """Take the dates before an offset as those that may name the day of the news."""
        self._lead_dates = tuple(d for d in self._dates if d.start < end)

    def _lead(self, tense: Tense | None) -> ChosenDate | None:
        """Return the day of the news: the first day near publication that the lead names, to come for a plan."""
        ahead = tense == "future"
        for within, stretches in ((_FRESH_DAYS, False), (_FRESH_DAYS, True), (_NEWS_DAYS, False)):
            for expression in self._lead_dates:
                if fold(expression.text).startswith(self._stretches) is not stretches:
                    continue
                clause, told = self._clauses.get(expression.start, (None, False))
                resolved = self._resolve(expression, clause, background=False)
                if self._is_news_day(resolved, within) and ahead == (clause == "future" or bool(resolved.future)):
                    return ChosenDate(expression, resolved, f"day of the news; {resolved.reason}", told=told)
        return None

    def _is_news_day(self, resolved: ResolvedDate, within: int = _NEWS_DAYS) -> bool:
        """Say whether a day can be that of the news: within so many days of publication, where that is known."""
        if resolved.value is None or len(resolved.value) != _DAY:
            return False
        if self._published is None or resolved.earliest is None:
            return True
        return abs((self._published - resolved.earliest).days) <= within

    def _is_history(self, day: date | None) -> bool:
        return day is not None and self._published is not None and (self._published - day).days > _HISTORY_DAYS

    def is_historical(self, chosen: ChosenDate) -> bool:
        """Say whether a date lies about a year or more before the article."""
        return chosen.resolved is not None and self._is_history(chosen.resolved.latest)

    def has_date(self, tree: Tree) -> bool:
        """Say whether a sentence holds a date expression."""
        return bool(starting_in(self._dates, tree.start, tree.end))

    def _resolve(self, expression: DateExpression, tense: Tense | None, *, background: bool) -> ResolvedDate:
        """Return what an expression stands for; among history, a month without year is of the year told before."""
        before = self._before.get(expression.start)
        previous = before[1].earliest if before is not None else None
        published = self._published
        on_a_day = before is not None and len(before[1].value or "") == _DAY
        if expression.rule == _PART_OF_DAY and (not on_a_day or tense == "future"):
            previous = published  # "sera présenté à un juge dans la journée"
        if expression.direction is None and fold(expression.text).startswith(tuple(self._words.since)):
            expression = replace(expression, direction="past")
        near = before is not None and expression.start - before[0].end <= _REACH
        if (
            background
            and near
            and self._is_history(previous)
            and "month" in dict(expression.fields)
            and not {"year", "year_shift"} & dict(expression.fields).keys()
        ):
            published, tense = previous, None
        return self._grammar.resolve(expression, published=published, tense=tense, previous=previous)

    def choose(
        self, tree: Tree, predicate: Node, governor: Node, plover: str, tense: Tense | None, *, background: bool
    ) -> ChosenDate:
        """Return the date of an act.

        Args:
            tree: its sentence.
            predicate: the trigger's head.
            governor: the verb that carries it.
            plover: its type.
            tense: what its modality says of its time.
            background: True for what is told in the pluperfect: it lies before the news.
        """
        verbal = plover in VERBAL_TYPES
        ahead: Tense | None = "future" if tense == "future" else None
        scored: list[tuple[float, int, DateExpression, Tense | None, bool]] = []
        for expression in starting_in(self._dates, tree.start, tree.end):
            nodes = nodes_between(tree, expression.start, expression.end)
            if not nodes:
                continue
            head = head_of(nodes)
            clause = self._tense(head, tree)
            self._clauses[expression.start] = (clause, self._is_told(head, tree))
            score, told = self._attachment(head, tree, predicate, governor, verbal=verbal)
            score -= abs(nodes[0].index - predicate.index) / 25
            if score > _TOO_FAR:
                scored.append((score, -expression.start, expression, clause or ahead, told))
        scored.sort(key=lambda s: (s[0], s[1]), reverse=True)
        for _, _, expression, own_tense, told in scored:
            resolved = self._resolve(expression, own_tense, background=background)
            undated = background or verbal or self._lead(ahead) is None
            if resolved.value is None and not (len(scored) == 1 and undated):
                continue
            where = "day on which it is told" if told else "in the act's sentence"
            fresh = self._published is not None and self._is_news_day(resolved, _LATEST_DAYS)
            return ChosenDate(expression, resolved, f"{where}; {resolved.reason}", own=not told, told=told, fresh=fresh)
        return self._inherited(tree, ahead, verbal=verbal, background=background)

    def _inherited(self, tree: Tree, tense: Tense | None, *, verbal: bool, background: bool) -> ChosenDate:
        if background:
            for expression in reversed(starting_in(self._dates, tree.start - _REACH, tree.start)):
                resolved = self._resolve(expression, "past", background=True)
                if resolved.value is not None and not self._is_news_day(resolved):
                    return ChosenDate(expression, resolved, f"date told just before; {resolved.reason}")
            if verbal:
                return ChosenDate(None, None, "told as background, and no date in the sentence")
        return self._lead(tense) or ChosenDate(None, None, "no date in the sentence, and the lead names no day")

    def _attachment(
        self, head: Node, tree: Tree, predicate: Node, governor: Node, *, verbal: bool
    ) -> tuple[float, bool]:
        """Return how closely a date hangs on an act, and whether it is that of who tells the act."""
        for top, worth in ((predicate, 3.5), (governor, 1.5)):
            if top.index != predicate.index and top.lemmas & self._saying:
                break
            if head.index != top.index and tree.is_below(head, top):
                if self._is_told(head, tree) and any(n.is_verbal for n in between(tree, head, top)):
                    return (0.0 if verbal else -0.7), True  # "…, a-t-on appris mercredi"
                return worth - self._distance(head, top, tree) - self._of_another(head, top, tree), False
        joint = meeting(tree, head, governor)
        if joint is None:
            return -1.0, False
        away = self._distance(head, joint, tree)
        if joint.lemmas & self._saying and self._is_told(head, tree):
            return (0.0 if verbal else -0.7) - away, True
        if joint.is_verbal and any(n.is_verbal for n in between(tree, governor, joint)):
            return -0.4 - away, False
        return 0.6 - away, False

    def _of_another(self, head: Node, top: Node, tree: Tree) -> float:
        """Return what speaks for a date being that of a noun or relative clause below the act: "le traité de 2009"."""
        above = tree.head(head)
        if above is None or above.index == top.index:
            return 0.0
        if head.relation == "nmod" and not above.is_verbal and tree.case(head) in _OF:
            return _OF_NOUN
        return _IN_RELATIVE if any(n.relation == "acl:relcl" for n in between(tree, head, top)) else 0.0

    def _is_told(self, head: Node, tree: Tree) -> bool:
        """Say whether a date is that of a verb of saying."""
        verb = next((n for n in (head, *tree.ancestors(head)) if n.is_verbal), None)
        return verb is not None and bool(verb.lemmas & self._saying)

    def _distance(self, node: Node, top: Node, tree: Tree) -> float:
        steps = between(tree, node, top) if node.index != top.index else []
        return sum(_PER_VERB if n.is_verbal else _PER_NOUN for n in steps)

    def _tense(self, head: Node, tree: Tree) -> Tense | None:
        """Return the tense of the clause that a date stands in."""
        verb = next((n for n in (head, *tree.ancestors(head)) if n.is_verbal), None)
        if verb is None:
            return None
        if verb.lemmas & self._words.planned and "VerbForm=Fin" not in verb.morph:
            return "future"
        forms = [verb, *tree.children(verb, "aux:tense", "aux:pass", "cop", "aux")]
        features = frozenset().union(*(n.morph for n in forms))
        if {"Tense=Fut", "Mood=Cnd"} & features or any(n.folded in {"will", "shall"} for n in forms):
            return "future"
        if "VerbForm=Fin" in verb.morph or len(forms) > 1:
            past = {"Tense=Past", "Tense=Imp"} & features
            return "past" if past else None
        return "past" if "Tense=Past" in verb.morph else None
