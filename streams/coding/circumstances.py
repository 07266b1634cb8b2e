"""Where, when and how many: the place, date and quantities of one act among those that its article names.

The place of an act is never its actor's country for being so. Rules in order, for place: a locative phrase of the act's
own clause; another in its sentence; the place of the act before it in the text; the article's main place (acts on the
ground and meetings only, not words). For date: an expression in the act's clause, then in its sentence; then the day
that the lead names, for acts of the news itself. What none of them gives stays empty, with the reason.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date

from streams.coding.arguments import Argument
from streams.coding.circumstance_words import circumstance_words
from streams.coding.date_choice import ChosenDate, DateChoice
from streams.coding.dates import DateExpression, DateGrammar, Tense
from streams.coding.lexicon import Lexicon
from streams.coding.place_choice import VERBAL_TYPES, ChosenPlace, PlaceChoice
from streams.coding.places import ResolvedPlace
from streams.coding.quantities import QuantityExpression, QuantityGrammar
from streams.coding.quantity_choice import choose_quantities
from streams.coding.spans import starting_in
from streams.coding.text import fold
from streams.coding.tree import Node, Tree

__all__ = ["VERBAL_TYPES", "ChosenDate", "ChosenPlace", "Circumstances"]


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
        quantity_grammar: QuantityGrammar,
        published: date | None,
        title: str = "",
    ) -> None:
        """Take what the resolvers found in the whole article."""
        self._text = text
        # A capitalised article at the start of a sentence is no place, though one in India is called "Un".
        self.places = tuple(p for p in places if fold(p.text) not in lexicon.word_set("articles"))
        self._countries = _with_another_before([p for p in self.places if p.entry.kind == "country"])
        self._quantities = tuple(quantities)
        self._quantity_grammar = quantity_grammar
        self._place_choice = PlaceChoice(
            text=text,
            title=title,
            words=circumstance_words(lexicon.language),
            saying=lexicon.word_set("saying"),
            places=self.places,
            title_places=[p for p in title_places if fold(p.text) not in lexicon.word_set("articles")],
        )
        self._date_choice = DateChoice(
            words=circumstance_words(lexicon.language),
            saying=lexicon.word_set("saying") | circumstance_words(lexicon.language).telling,
            dates=dates,
            grammar=grammar,
            published=published,
        )

        self._asked: tuple[Tree, Node, Node] | None = None

    def main_country(self) -> str | None:
        """Return the alpha-2 code of the country that the article is about, if one stands out."""
        return self._place_choice.main_country()

    def countries_before(self, offset: int) -> list[ResolvedPlace]:
        """Return the two countries named last before an offset, the last first; fewer where no others are named."""
        at = bisect_left(self._countries, offset, key=lambda pair: pair[0].start) - 1
        return [place for place in self._countries[at] if place is not None] if at >= 0 else []

    def has_place(self, tree: Tree) -> bool:
        """Say whether a sentence names a place."""
        return bool(starting_in(self.places, tree.start, tree.end))

    def choose_place(
        self, tree: Tree, predicate: Node, governor: Node, plover: str, taken: Sequence[tuple[int, int]]
    ) -> ChosenPlace:
        """Return the place that an act's own sentence gives it; arguments as of :meth:`PlaceChoice.choose`."""
        self._asked = tree, predicate, governor
        return self._place_choice.choose(tree, predicate, governor, plover, taken)

    def inherited_place(self, plover: str, *, at_home: bool, told: ChosenPlace | None = None) -> ChosenPlace:
        """Return the place of an act whose own sentence names none; arguments as of :meth:`PlaceChoice.inherited`."""
        if self._asked is None:
            return self._place_choice.inherited(plover, at_home=at_home, told=told)
        tree, predicate, governor = self._asked
        date_of_act = self._date_choice.choose(tree, predicate, governor, plover, "past", background=False)
        return self._place_choice.inherited(
            plover, at_home=at_home, told=told, tree=tree, wide=date_of_act.own and date_of_act.is_wide
        )

    def choose_date(
        self, tree: Tree, predicate: Node, governor: Node, plover: str, tense: Tense | None, *, background: bool
    ) -> ChosenDate:
        """Return the date of an act; arguments as of :meth:`DateChoice.choose`."""
        return self._date_choice.choose(tree, predicate, governor, plover, tense, background=background)

    def read_lead(self, first_sentences_end: int) -> None:
        """Find the day of the news before an offset."""
        self._date_choice.read_lead(first_sentences_end)

    def is_historical(self, chosen: ChosenDate) -> bool:
        """Say whether a date lies about a year or more before the article."""
        return self._date_choice.is_historical(chosen)

    def has_date(self, tree: Tree) -> bool:
        """Say whether a sentence holds a date expression."""
        return self._date_choice.has_date(tree)

    def choose_quantities(
        self,
        tree: Tree,
        predicate: Node,
        governor: Node,
        plover: str,
        *,
        actors: Sequence[Argument] = (),
        targets: Sequence[Argument] = (),
    ) -> tuple[QuantityExpression, ...]:
        """Return the quantities tied to an act; arguments as of :func:`quantity_choice.choose_quantities`."""
        return choose_quantities(
            self._text,
            tree,
            starting_in(self._quantities, tree.start, tree.end),
            self._quantity_grammar,
            predicate=predicate,
            governor=governor,
            plover=plover,
            actors=actors,
            targets=targets,
        )


def _with_another_before(countries: Sequence[ResolvedPlace]) -> list[tuple[ResolvedPlace, ResolvedPlace | None]]:
    """Return mentions of countries, each with the last mention of another country before it."""
    out: list[tuple[ResolvedPlace, ResolvedPlace | None]] = []
    for place in countries:
        last, before = out[-1] if out else (None, None)
        same = last is None or last.entry.geonames_id == place.entry.geonames_id
        out.append((place, before if same else last))
    return out
