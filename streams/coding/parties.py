"""Who an argument is: resolution of phrases against the actor table, classes of nouns, and antecedents.

One :class:`Parties` serves one article: it remembers what it resolved. It never guesses a nationality from the place of
an act except for nouns of the country's own institutions and people ("la police", "les manifestants"), and says so.
"""

# ruff: noqa: PLR0911 - one rule of grammar per branch; splitting them would hide the order of the rules
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from streams.coding.actors import ActorResolution, ActorTable
from streams.coding.arguments import Argument
from streams.coding.coreference import Antecedent, Antecedents
from streams.coding.lexicon import Lexicon
from streams.coding.places import ResolvedPlace
from streams.coding.text import fold
from streams.coding.tree import Node, Tree

#: Classes that the parse and the resolver decide.
_DECIDED = ("NAME", "ACTOR", "COUNTRY", "NUMBER", "PRONOUN", "PLURAL")
_NOT_NAME = frozenset({"acl:relcl", "conj", "nmod", "acl"})


@dataclass(frozen=True, slots=True)
class ResolvedParty:
    """A party of an act: its words, where they stand, and whom they name."""

    text: str
    start: int
    end: int
    resolution: ActorResolution
    coreference: bool
    core: str
    """Folded lemma of its head noun."""
    domestic: bool = False
    """True where it may take the country of its setting if nothing else tells: no thing, nobody foreign."""


def _without_determiner(phrase: str) -> str:
    """Return a phrase without its article: "Un berger" must not be read as the abbreviation "UN"."""
    first, _, rest = phrase.partition(" ")
    if rest and first.lower() in {"un", "une", "des", "les", "le", "la", "l", "a", "an", "the", "ces", "cet", "cette"}:
        return rest
    return phrase


class Parties:
    """Resolves the arguments of one article."""

    def __init__(
        self, text: str, lexicon: Lexicon, table: ActorTable, antecedents: Antecedents, on: date | None
    ) -> None:
        """Take the article's text and what is known before reading it.

        Args:
            text: the article's text.
            lexicon: the language's classes of nouns.
            table: the actor table.
            antecedents: the article's antecedents, filled as sentences are read.
            on: the article's day, which decides who held an office.
        """
        self._text = text
        self._lexicon = lexicon
        self._table = table
        self._antecedents = antecedents
        self._on = on
        self._known: dict[tuple[str, str | None], ActorResolution] = {}
        self._countries: Counter[str] | None = None
        self._noun_classes: dict[tuple[frozenset[str], str, str], frozenset[str]] = {}

    def resolve_phrase(self, phrase: str, hint: str | None = None) -> ActorResolution:
        """Return whom a phrase names."""
        phrase = _without_determiner(phrase)
        key = (phrase, hint)
        if key not in self._known:
            self._known[key] = self._table.resolve(
                phrase, language=self._lexicon.language, on=self._on, country_hint=hint
            )
        return self._known[key]

    def named_countries(self) -> Counter[str]:
        """Return how often the article names each country by a state, demonym, person or body known to the table."""
        if self._countries is None:
            found = self._table.find(self._text, language=self._lexicon.language)
            named = (span.resolution.country for span in found)
            self._countries = Counter(country for country in named if country is not None)
        return self._countries

    def is_class(self, argument: Argument, names: Iterable[str]) -> bool:
        """Say whether an argument's head is of one of the classes (or is one of the lemmas)."""
        return any(self._of_class(argument, name) for name in names)

    def classes_of(self, argument: Argument) -> tuple[str, ...]:
        """Return every class that an argument's head is of: those of ``classes.yaml`` and those decided here."""
        listed = self._listed_classes(argument)
        return (
            *(name for name in self._lexicon.classes if name in listed),
            *(name for name in _DECIDED if self._of_class(argument, name)),
        )

    def _listed_classes(self, argument: Argument) -> frozenset[str]:
        """Return the classes of ``classes.yaml`` that an argument's head is of."""
        core, node = argument.core, argument.node
        key = (core.lemmas, core.folded, node.folded)
        known = self._noun_classes.get(key)
        if known is None:
            words = {*core.lemmas, core.folded, node.folded}
            known = frozenset(name for name, members in self._lexicon.classes.items() if not words.isdisjoint(members))
            self._noun_classes[key] = known
        return known

    def _of_class(self, argument: Argument, name: str) -> bool:
        core, node = argument.core, argument.node
        if name in self._lexicon.classes:
            return name in self._listed_classes(argument)
        if name == "NAME":
            return core.pos == "PROPN" or self._is_named(argument)
        if name == "ANY":
            return True
        if name == "NUMBER":
            return core.pos == "NUM" or node.pos == "NUM"
        if name == "PRONOUN":
            return core.pos == "PRON" or core.folded in self._lexicon.word_set("third_person")
        if name == "PLURAL":
            return "Number=Plur" in core.morph
        if name == "COUNTRY":
            if core.pos != "PROPN":
                return False
            found = self.resolve_phrase(self._words(argument)).id
            return found is not None and found.startswith("state:")
        if name == "PLACE":
            return core.pos == "PROPN" or bool(core.lemmas & self._lexicon.classes.get("AREA", frozenset()))
        if name == "ACTOR":
            return self.is_actor(argument)
        word = fold(name)
        return word in core.lemmas or word in {core.folded, node.folded}

    def _is_named(self, argument: Argument) -> bool:
        """Say whether a phrase that the tagger took for a common noun is a name: capitals, or in the actor table."""
        core = argument.core
        if core.text[:1].isupper() and core.index > 0 and core.pos in {"NOUN", "ADJ", "X", "VERB"}:
            return True
        found = self.resolve_phrase(self._words(argument)).id
        return found is not None and found.startswith(("person:", "org:"))

    def _words(self, argument: Argument) -> str:
        return self._text[argument.start : argument.end]

    def is_actor(self, argument: Argument) -> bool:
        """Say whether an argument can act: a person, a body, a state, a name, or a pronoun for one."""
        core = argument.core
        if core.lemmas & self._lexicon.word_set("pointers"):
            return True
        if core.folded in {"rien", "ce", "cela", "ca", "nothing", "what"} or (
            core.text.isdigit() and argument.source not in {"subject", "object"}
        ):
            return False
        if argument.source == "possessive" and core.pos == "DET":
            return True  # whoever "son", "leur" stands for; dropped later if nobody
        if core.pos in {"PROPN", "PRON", "NUM"} or core.folded in self._lexicon.word_set("third_person"):
            return True
        for name in ("PERSON", "INSTITUTION"):
            members = self._lexicon.classes[name]
            if core.lemmas & members or core.folded in members:
                return True
        found = self.resolve_phrase(self._words(argument))
        if found.how.startswith("head noun in no table, belongs"):
            return False  # "la demande de Kiev" belongs to an actor and is none
        return found.country is not None or found.organisation is not None or found.sector is not None

    def resolve_all(
        self, argument: Argument, tree: Tree, hint: str | None, others: frozenset[int] = frozenset()
    ) -> list[ResolvedParty]:
        """Return who an argument is: several for a pronoun that takes up several, else as :meth:`resolve`."""
        antecedent = self._antecedents.of(argument, tree, others)
        if antecedent is None or not antecedent.parts:
            return self._by_country(argument, tree) or [self.resolve(argument, tree, hint, others)]
        out = []
        for start, end in antecedent.parts:
            words = self._text[start:end]
            found = self.resolve_phrase(words, hint)
            out.append(ResolvedParty(words, start, end, found, True, antecedent.core, antecedent.human))
        return out

    def _by_country(self, argument: Argument, tree: Tree) -> list[ResolvedParty]:
        """Return one party for each country of a phrase of several ("Egyptian and Ethiopian negotiators"); else none.

        The parties share the head noun; the words of each are the word that names its country.
        """
        core = argument.core
        if tree.language != "en":
            return []
        out: list[ResolvedParty] = []
        for modifier in tree.children(core, "amod", "nmod", "compound", "nmod:poss"):
            if modifier.relation == "nmod" and tree.case(modifier) not in {"of", "from"}:
                continue
            parts = tree.conjuncts(modifier)
            if len(parts) < 2:
                continue
            for part in parts:
                below = [n for n in tree.subtree(part, _NOT_NAME) if n.pos == "PROPN"] or [part]
                start, end = below[0].start, max(n.end for n in below)
                found = self.resolve_phrase(f"{self._text[start:end]} {core.text}")
                if found.country is not None:
                    out.append(ResolvedParty(self._text[start:end], start, end, found, False, core.lemma))
        countries = {p.resolution.country for p in out}
        return out if len(countries) == len(out) > 1 else []

    def resolve(
        self, argument: Argument, tree: Tree, hint: str | None, others: frozenset[int] = frozenset()
    ) -> ResolvedParty:
        """Return who an argument is, following pronouns and allusions to their antecedent where one is sure.

        Args:
            argument: the argument.
            tree: its sentence.
            hint: alpha-3 of the country that domestic nouns belong to here.
            others: where the other parties of the act start, none of which it can be.
        """
        antecedent = self._antecedents.of(argument, tree, others)
        if antecedent is not None:
            # What was already worked out for the antecedent's sentence holds for its pronoun.
            words = self._text[antecedent.start : antecedent.end]
            found = self.resolve_phrase(words, hint)
            return ResolvedParty(
                words, antecedent.start, antecedent.end, found, True, antecedent.core, antecedent.human
            )
        words = self._words(argument)
        hint = None if self._is_foreign(argument, tree) else hint
        found = self._through_name(argument, tree) or self.resolve_phrase(words, hint)
        domestic = self._is_domestic(argument, found, tree)
        return ResolvedParty(words, argument.start, argument.end, found, False, argument.core.lemma, domestic)

    def _is_foreign(self, argument: Argument, tree: Tree) -> bool:
        """Say whether the words of a phrase put it outside the country where its act takes place."""
        words = {n.lemma for n in tree.nodes if argument.start <= n.start < argument.end}
        return bool(words & self._lexicon.word_set("foreign"))

    def _is_domestic(self, argument: Argument, found: ActorResolution, tree: Tree) -> bool:
        """Say whether an argument may be of the country where its act takes place, if nothing else tells."""
        core = argument.core
        if self._is_foreign(argument, tree) or core.lemmas & self._lexicon.word_set("stateless"):
            return False
        if found.how.startswith("noun ") and found.name is None and found.sector is not None:
            return self.resolve_phrase(self._words(argument), "FRA").country is not None
        # What is attacked, occupied or closed stands in a country and belongs to somebody there.
        return self.is_actor(argument) or self.is_class(argument, ("PROPERTY", "AREA"))

    def _through_name(self, argument: Argument, tree: Tree) -> ActorResolution | None:
        """Return whom a surname or bare title stands for, where the article gave its full form before.

        "M. Griffiths" takes the office of "l'envoyé spécial de l'ONU, Martin Griffiths"; "le ministre" that of the
        minister last named. None where the words tell by themselves.
        """
        own = self.resolve_phrase(self._words(argument))
        if own.country is not None or own.organisation is not None:
            return None
        names = [n for n in tree.subtree(argument.node, _NOT_NAME) if n.pos == "PROPN"]
        before = self._antecedents.full_name(names[-1].folded) if names else None
        before = before or self._antecedents.title_holder(argument, tree)
        if before is None or (before.start, before.end) == (argument.start, argument.end):
            return None
        found = self.resolve_phrase(self._text[before.start : before.end])
        if found.country is None and found.organisation is None:
            return None
        return replace(found, how=f"named in full before: {found.how}")

    def named(self, before: Antecedent) -> ResolvedParty:
        """Return whom a phrase of another sentence names."""
        words = self._text[before.start : before.end]
        found = self.resolve_phrase(words)
        return ResolvedParty(words, before.start, before.end, found, True, before.core, before.human)

    def country(self, place: ResolvedPlace, argument: Argument) -> ResolvedParty:
        """Return the country that "le pays" or "les deux pays" stands for."""
        found = self.resolve_phrase(place.text)
        return ResolvedParty(place.text, place.start, place.end, found, True, argument.core.lemma)

    def relational(self, node: Node) -> ActorResolution:
        """Return whom a relational adjective names ("israélien" → Israel)."""
        return self.resolve_phrase(self._text[node.start : node.end])
