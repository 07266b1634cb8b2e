"""Which words of a sentence are read as acts, of which type and modality: by the lexicon, or by a trained model.

By the lexicon alone, the first pattern on a word whose constraints hold is its reading. With a model
(:mod:`recognition`), every word is described with what all its patterns say, and the model decides. Does not find out
who the parties are (:mod:`judgement`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.mention import PloverType
from streams.coding.assembly import announced_type
from streams.coding.clauses import Clauses
from streams.coding.constraints import Constraints
from streams.coding.lexicon import Entry, Lexicon
from streams.coding.matching import Match, find_matches
from streams.coding.modality import DECLINED, ModalityReader, Stance
from streams.coding.observation import Observer
from streams.coding.parties import Parties
from streams.coding.recognition import Recogniser, chosen_pattern, learned_match
from streams.coding.repetition import Reading, without_contained, without_outcomes
from streams.coding.roles import Filled, RoleFinder
from streams.coding.tree import Node, Tree
from streams.coding.trigger_words import Tried, WordReader, may_tell

#: What a party that says it will not do it refuses (PLOVER: REJECT).
_COOPERATIVE = frozenset({"AGREE", "CONSULT", "SUPPORT", "CONCEDE", "COOPERATE", "AID", "RETREAT"})

#: Acts that are done by being meant: "pour protester contre", "afin de réclamer".
_DONE_IN_MEANING = frozenset({"PROTEST", "ACCUSE", "REQUEST", "SUPPORT"})


@dataclass(frozen=True, slots=True)
class Told:
    """An act that a sentence tells."""

    reading: Reading
    stance: Stance
    plover: PloverType
    why: str
    """Why it is of this type."""
    probability: float | None
    """How likely the model holds it that the word tells an act; None where the lexicon alone decided."""


class SentenceReader:
    """Reads the acts of one sentence."""

    def __init__(
        self,
        tree: Tree,
        lexicon: Lexicon,
        clauses: Clauses,
        parties: Parties,
        *,
        constraints: Constraints,
        observer: Observer,
    ) -> None:
        """Take the sentence, the article's resolver of parties and whoever listens."""
        self._tree = tree
        self._lexicon = lexicon
        self._clauses = clauses
        self._parties = parties
        self._constraints = constraints
        self._observer = observer
        self._finder = RoleFinder(tree, lexicon, clauses, parties.is_class)
        self._modality = ModalityReader(tree, lexicon, clauses)

    def by_lexicon(self) -> list[Told]:
        """Return the acts that the lexicon's patterns and constraints find."""
        found: list[Tried] = []
        for alternatives in find_matches(self._tree, self._lexicon, self._clauses):
            self._observer.matched(alternatives)
            taken = next((one for one in map(self._try, alternatives) if one.met), None)
            if taken is not None:
                found.append(taken)
        readings = self._narrowed([one.reading for one in found])
        tried = [self._judged(r, met=True) for r in readings]
        kept = [one for one in tried if one.told]
        self._observer.narrowed("untold", readings, [one.reading for one in kept])
        return [Told(one.reading, one.stance, one.plover, self._why(one), None) for one in kept]

    def by_model(self, recogniser: Recogniser, words: WordReader) -> list[Told]:
        """Return the acts that a model finds among the words that the lexicon knows, or that are known to it."""
        matches = {found[0].node.index: found for found in find_matches(self._tree, self._lexicon, self._clauses)}
        told: dict[int, Told] = {}
        fitting: list[Reading] = []
        for node in self._tree.nodes:
            alternatives = matches.get(node.index, [])
            if not alternatives and not (may_tell(node) and node.lemma in recogniser.lemmas):
                continue
            if alternatives:
                self._observer.matched(alternatives)
            tried = [self._try(match) for match in alternatives]
            fitting += [one.reading for one in tried if one.met]
            word = words.describe(node, tried)
            recognised = recogniser.recognise(word)
            self._observer.recognised(word, recognised, recogniser)
            if not recognised.taken:
                continue
            one = chosen_pattern(word, recognised.plover)
            one = one or self._learned(node, recognised.plover)
            told[node.index] = self._as_recognised(one, recognised.plover, recognised.probability)
        self._observer.narrowed("recognition", fitting, [one.reading for one in told.values()])
        readings = self._narrowed([one.reading for one in told.values()])
        kept = [(told[r.match.node.index], r) for r in readings]
        return [Told(r, one.stance, one.plover, one.why, one.probability) for one, r in kept]

    def _learned(self, node: Node, plover: PloverType) -> Tried:
        match = learned_match(node, plover)
        self._observer.matched([match])
        filled = self._finder.fill(match)
        self._observer.tried(match, filled, None)
        return self._judged(self._reading(match, filled), met=True)

    def _as_recognised(self, one: Tried, plover: PloverType, probability: float) -> Told:
        stance = one.stance if one.plover == plover else one.raw
        why = f"{self._why(one)}, recognised with {probability:.2f}{'' if one.met else ' though a constraint fails'}"
        return Told(one.reading, stance, plover, why, probability)

    def _try(self, match: Match) -> Tried:
        filled = self._finder.fill(match)
        unmet = self._constraints.unmet(match, filled)
        self._observer.tried(match, filled, unmet)
        return self._judged(self._reading(match, filled), met=unmet is None)

    def _reading(self, match: Match, filled: Filled) -> Reading:
        actors = tuple(a for a in filled.actors if self._parties.is_actor(a))
        mutual = self._lexicon.frames[match.pattern.entry.frame].mutual
        return Reading(match, Filled(actors, filled.targets, filled.governor, filled.supported), mutual)

    def _judged(self, reading: Reading, *, met: bool) -> Tried:
        stance = self._stance(reading)
        entry = reading.match.pattern.entry
        plover, typed = in_modality(entry, stance)
        return Tried(reading, met, typed, stance, plover, _is_told(reading, stance))

    def _narrowed(self, readings: Sequence[Reading]) -> list[Reading]:
        """Return the readings without those that another reading of the sentence holds."""
        whole = without_contained(readings)
        self._observer.narrowed("expression", readings, whole)
        kept = without_outcomes(whole, self._tree)
        self._observer.narrowed("outcome", whole, kept)
        for reading in kept:
            self._observer.understood(reading, self._stance(reading))
        return kept

    def _stance(self, reading: Reading) -> Stance:
        match, filled = reading.match, reading.filled
        is_noun = match.pattern.pos == "noun" and not filled.supported
        stance = self._modality.read(filled.governor, is_noun=is_noun)
        if match.pattern.pos == "noun" and filled.supported and self._modality.is_negated(match.node):
            stance = Stance("denied", "negated", stance.past_perfect, stance.purpose)
        if stance.purpose and stance.reason == "an aim" and match.pattern.entry.type in _DONE_IN_MEANING:
            stance = Stance("asserted", "done by being the aim", stance.past_perfect, stance.purpose)
        return stance

    def _why(self, one: Tried) -> str:
        entry = one.match.pattern.entry
        why = f"lexicon entry {entry.id}, “{_text(one.match.words)}”" if entry.examples else f"“{one.match.node.text}”"
        if one.plover == entry.type:
            return why
        return f"{why}, {'announced' if one.stance.modality == 'planned' else one.stance.reason.split(':')[0]}"


def _text(words: Iterable[Node]) -> str:
    return " ".join(word.text for word in words)


def _is_told(reading: Reading, stance: Stance) -> bool:
    """Say whether an act is told at all: a mere aim, or what somebody is asked to do, is not."""
    if stance.purpose and reading.match.pattern.entry.type not in _DONE_IN_MEANING:
        return False
    return not (stance.reason.startswith("asked for") and reading.match.pattern.pos == "verb")


def in_modality(entry: Entry, stance: Stance) -> tuple[PloverType, Stance]:
    """Return the type of an act in its modality: a negated recognition is a REJECT, an announced aid an AGREE."""
    if stance.modality == "denied" and entry.negated is not None:
        why = f"{stance.reason}: the refusal is the act"
        return entry.negated, Stance("asserted", why, stance.past_perfect, stance.purpose)
    if stance.reason == DECLINED and entry.type in _COOPERATIVE:
        why = f"{stance.reason}: the refusal is the act"
        return "REJECT", Stance("asserted", why, stance.past_perfect, stance.purpose)
    if stance.modality == "planned" and not stance.reason.startswith("threatened"):
        return entry.planned or announced_type(entry.type), stance
    return entry.type, stance
