"""Where, when and how many: the place, date and quantities of one act among those that its article names.

The place of an act is never its actor's country for being so. Rules in order, for place: a locative phrase of the act's
own clause; another in its sentence; the place of the act before it in the text; the article's main place (acts on the
ground and meetings only, not words). For date: an expression in the act's clause, then in its sentence; then the day
that the lead names, for acts of the news itself. What none of them gives stays empty, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from streams.coding.circumstance_words import circumstance_words
from streams.coding.date_resolution import ResolvedDate
from streams.coding.dates import DateExpression, DateGrammar, Tense
from streams.coding.lexicon import Lexicon
from streams.coding.place_choice import VERBAL_TYPES, ChosenPlace, PlaceChoice
from streams.coding.places import ResolvedPlace
from streams.coding.quantities import QuantityExpression
from streams.coding.text import fold
from streams.coding.tree import Node, Tree

__all__ = ["VERBAL_TYPES", "ChosenDate", "ChosenPlace", "Circumstances"]

#: A date that scores lower belongs to another act of its sentence.
_TOO_FAR = -1.3

#: Which quantities an act of a type can have.
_KINDS = {
    "ASSAULT": {"dead", "injured", "people", "troops", "other"},
    "COERCE": {"arrested", "people", "dead", "injured", "other"},
    "PROTEST": {"people", "other", "injured", "dead", "arrested"},
    "MOBILIZE": {"troops", "people", "other"},
    "AID": {"money", "people", "troops", "other"},
    "RETREAT": {"people", "troops", "other"},
    "SANCTION": {"money", "people", "other"},
}
_COMMON_KINDS = frozenset({"people", "troops", "money", "other"})


@dataclass(frozen=True, slots=True)
class ChosenDate:
    """A date for an act, or why there is none."""

    expression: DateExpression | None
    resolved: ResolvedDate | None
    reason: str


class Circumstances:
    """The places, dates and quantities of one article."""

    def __init__(
        self,
        *,
        text: str,
        lexicon: Lexicon,
        places: Sequence[ResolvedPlace],
        title_places: Sequence[ResolvedPlace],
        dates: Sequence[DateExpression],
        quantities: Sequence[QuantityExpression],
        grammar: DateGrammar,
        published: date | None,
        title: str = "",
    ) -> None:
        """Take what the resolvers found in the whole article."""
        self._lexicon = lexicon
        # A capitalised article at the start of a sentence is no place, though one in India is called "Un".
        self.places = tuple(p for p in places if fold(p.text) not in lexicon.word_set("articles"))
        self._dates = tuple(dates)
        self._quantities = tuple(quantities)
        self._grammar = grammar
        self._published = published
        self._place_choice = PlaceChoice(
            text=text,
            title=title,
            words=circumstance_words(lexicon.language),
            saying=lexicon.word_set("saying"),
            places=self.places,
            title_places=[p for p in title_places if fold(p.text) not in lexicon.word_set("articles")],
        )
        self._lead_date: tuple[DateExpression, ResolvedDate] | None = None

    def main_country(self) -> str | None:
        """Return the alpha-2 code of the country that the article is about, if one stands out."""
        return self._place_choice.main_country()

    def countries_before(self, offset: int) -> list[ResolvedPlace]:
        """Return the countries named before an offset, the last named first, each once."""
        out: list[ResolvedPlace] = []
        for place in reversed(self.places):
            known = any(p.entry.geonames_id == place.entry.geonames_id for p in out)
            if place.start < offset and place.entry.kind == "country" and not known:
                out.append(place)
        return out

    def choose_place(
        self, tree: Tree, predicate: Node, governor: Node, plover: str, taken: Sequence[tuple[int, int]]
    ) -> ChosenPlace:
        """Return the place that an act's own sentence gives it; arguments as of :meth:`PlaceChoice.choose`."""
        return self._place_choice.choose(tree, predicate, governor, plover, taken)

    def inherited_place(self, plover: str, *, at_home: bool, told: ChosenPlace | None = None) -> ChosenPlace:
        """Return the place of an act whose own sentence names none; arguments as of :meth:`PlaceChoice.inherited`."""
        return self._place_choice.inherited(plover, at_home=at_home, told=told)

    def resolve_date(self, expression: DateExpression, tense: Tense | None, previous: date | None) -> ResolvedDate:
        """Return what a date expression stands for."""
        return self._grammar.resolve(expression, published=self._published, tense=tense, previous=previous)

    def choose_date(
        self, tree: Tree, predicate: Node, governor: Node, plover: str, tense: Tense | None, *, background: bool
    ) -> ChosenDate:
        """Return the date of an act; ``background`` is True for what lies before the news and gets no inherited day."""
        here = [d for d in self._dates if tree.start <= d.start < tree.end]
        clause = tree.clause_of(governor)
        inside = {n.index for n in tree.subtree(clause, frozenset({"acl:relcl", "advcl", "ccomp", "parataxis"}))}
        own = {n.index for n in tree.subtree(predicate)}
        scored: list[tuple[float, int, DateExpression]] = []
        for expression in here:
            nodes = [n for n in tree.nodes if n.start < expression.end and n.end > expression.start]
            if not nodes:
                continue
            score = self._date_score(nodes, tree, clause, own, inside)
            score -= abs(nodes[0].index - predicate.index) / 25
            if score > _TOO_FAR:
                scored.append((score, -expression.start, expression))
        previous = self._lead_day()
        for _, _, expression in sorted(scored, key=lambda s: (s[0], s[1]), reverse=True):
            resolved = self.resolve_date(expression, tense, previous)
            undated = background or plover in VERBAL_TYPES or self._lead_date is None
            if resolved.value is not None or (len(scored) == 1 and undated):
                day = resolved.value is not None and len(resolved.value) == 10
                if self._lead_date is None and day and self._is_recent(resolved):
                    self._lead_date = (expression, resolved)
                return ChosenDate(expression, resolved, f"in the act's sentence; {resolved.reason}")
        if plover in VERBAL_TYPES and background:
            return ChosenDate(None, None, "told as background, and no date in the sentence")
        if self._lead_date is not None:
            return ChosenDate(self._lead_date[0], self._lead_date[1], f"day of the news; {self._lead_date[1].reason}")
        return ChosenDate(None, None, "no date in the sentence, and the lead names no day")

    def _date_score(self, nodes: Sequence[Node], tree: Tree, clause: Node, own: set[int], inside: set[int]) -> float:
        """Return how closely a date belongs to an act: its phrase, its clause, or one aside."""
        score = 0.0
        if any(n.index in own for n in nodes):
            score += 2.0
        if any(n.index in inside for n in nodes):
            return score + 1.5
        verb = next((n for n in tree.ancestors(nodes[0]) if n.is_verbal), None)
        if verb is not None and verb.index != clause.index and score == 0.0:
            if verb.lemmas & self._lexicon.word_set("saying"):
                score -= 0.7
            elif not tree.is_below(clause, verb):
                score -= 1.4
        return score

    def _lead_day(self) -> date | None:
        if self._lead_date is None or self._lead_date[1].value is None or len(self._lead_date[1].value) != 10:
            return None
        return date.fromisoformat(self._lead_date[1].value)

    def read_lead(self, first_sentences_end: int) -> None:
        """Find the day of the news: the first day that the lead names, no later than a day after publication."""
        for expression in self._dates:
            if expression.start >= first_sentences_end:
                return
            resolved = self.resolve_date(expression, None, None)
            if resolved.value is not None and len(resolved.value) == 10 and self._is_recent(resolved):
                self._lead_date = (expression, resolved)
                return

    def _is_recent(self, resolved: ResolvedDate) -> bool:
        """Say whether a day can be that of the news: within a month of publication, where that is known."""
        if self._published is None or resolved.earliest is None:
            return True
        return abs((self._published - resolved.earliest).days) <= 31

    def is_historical(self, chosen: ChosenDate) -> bool:
        """Say whether a date lies a year or more before the article."""
        if chosen.resolved is None or chosen.resolved.latest is None or self._published is None:
            return False
        return (self._published - chosen.resolved.latest).days > 300

    def has_date(self, tree: Tree) -> bool:
        """Say whether a sentence holds a date expression."""
        return any(tree.start <= d.start < tree.end for d in self._dates)

    def choose_quantities(
        self, tree: Tree, governor: Node, plover: str, spans: Sequence[tuple[int, int]]
    ) -> tuple[QuantityExpression, ...]:
        """Return the quantities tied to an act: those in its arguments, else those of its clause that fit its type."""
        allowed = _KINDS.get(plover, _COMMON_KINDS)
        here = [q for q in self._quantities if tree.start <= q.start < tree.end and q.kind in allowed]
        in_arguments = [q for q in here if any(start < q.end and q.start < end for start, end in spans)]
        clause = {n.index for n in tree.subtree(governor)}
        near = [
            q
            for q in here
            if q not in in_arguments
            and q.kind in {"dead", "injured", "arrested", "money", "troops"}
            and any(n.index in clause for n in tree.nodes if n.start < q.end and n.end > q.start)
        ]
        return tuple(sorted({*in_arguments, *near}, key=lambda q: q.start))
