"""Why a text was coded as it was: each sentence, what in it could carry an act, and what became of that.

:func:`explain` codes an article as :meth:`Coder.code` does and listens to the decisions on the way. What it returns is
made of values; printing it is the command's part. Does not decide anything itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.article import Article
from schemas.mention import Mention
from streams.coding.arguments import Argument
from streams.coding.assembly import Act, announced_type
from streams.coding.clauses import Clauses
from streams.coding.coder import Coder
from streams.coding.confidence import Trust
from streams.coding.explained import Candidate, Explanation, Lacking, RoleFound, SentenceRead, Use, Verdict
from streams.coding.forms import Forms
from streams.coding.lexicon import Entry, Lexicon, Pattern
from streams.coding.matching import Match, Obstacle, match_at
from streams.coding.modality import Stance
from streams.coding.observation import Observer, Step, Unmet
from streams.coding.recognition import Recognised, Recogniser
from streams.coding.repetition import Reading
from streams.coding.roles import Filled
from streams.coding.text import Sentence
from streams.coding.tree import Node, Tree
from streams.coding.trigger_words import Word
from streams.coding.triggers import Candidates, is_heading, missing_words, sentence_lemmas


def explain(coder: Coder, article: Article) -> Explanation:
    """Code an article and return why it was coded so."""
    listener = _Listener(article.text)
    coding = coder.observe(article, listener)
    return Explanation(coding, tuple(listener.sentences()))


def possible_types(entry: Entry) -> frozenset[str]:
    """Return the PLOVER types that an entry can give, announced and negated acts included."""
    announced = entry.planned or announced_type(entry.type)
    return frozenset({entry.type, announced} | ({entry.negated} if entry.negated else set()))


#: Stands for the lexicon file of a word that only the trained model knows.
LEARNED_WORDS = "trained model"

#: At most so many of the classes and lemmas that a constraint asks for are named.
_MOST_NAMED = 6


@dataclass(slots=True)
class _Fate:
    """What is known so far of one match."""

    match: Match
    verdict: Verdict
    reason: str
    filled: Filled | None = None
    stance: Stance | None = None
    mention: Mention | None = None
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Heard:
    """What was heard about one tree."""

    tree: Tree
    fates: list[_Fate] = field(default_factory=list)


class _Listener(Observer):
    """Keeps what it hears about one article."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._sentences: Sequence[Sentence] = ()
        self._candidates = Candidates(frozenset(), frozenset())
        self._lexicon: Lexicon | None = None
        self._forms: Forms | None = None
        self._heard: list[_Heard] = []
        self._by_match: dict[int, _Fate] = {}
        self._recognised: dict[int, tuple[Recognised, str]] = {}
        self._by_act: dict[tuple[int, int, tuple[int, int]], _Fate] = {}

    def sifted(self, sentences: Sequence[Sentence], candidates: Candidates, lexicon: Lexicon, forms: Forms) -> None:
        self._sentences, self._candidates = sentences, candidates
        self._lexicon, self._forms = lexicon, forms

    def parsed(self, tree: Tree) -> None:
        self._heard.append(_Heard(tree))

    def matched(self, alternatives: Sequence[Match]) -> None:
        for match in alternatives:
            fate = _Fate(match, "outranked", "")
            self._heard[-1].fates.append(fate)
            self._by_match[id(match)] = fate
            first, last = min(w.start for w in match.words), max(w.end for w in match.words)
            self._by_act[id(match.pattern), match.node.start, (first, last)] = fate

    def tried(self, match: Match, filled: Filled, unmet: Unmet | None) -> None:
        fate = self._by_match[id(match)]
        fate.filled = filled
        if unmet is not None:
            fate.verdict, fate.reason = "constraint", self._unmet(unmet)
            return
        fate.verdict, fate.reason = "coded", ""
        for other in self._heard[-1].fates:
            if other.match.node is match.node and other.verdict == "outranked":
                other.reason = f"{self._named(match)} comes first on this word: it is longer or has more constraints"

    def understood(self, reading: Reading, stance: Stance) -> None:
        fate = self._by_match[id(reading.match)]
        fate.stance = stance
        if fate.verdict == "constraint":  # the trained model took it all the same
            fate.verdict = "coded"

    def recognised(self, word: Word, as_what: Recognised, recogniser: Recogniser) -> None:
        telling = ", ".join(f"{name} {weight:+.2f}" for name, weight in recogniser.telling(word))
        self._recognised[word.node.start] = (as_what, telling)

    def narrowed(self, step: Step, before: Sequence[Reading], after: Sequence[Reading]) -> None:
        left = {id(r.match) for r in after}
        for reading in before:
            if id(reading.match) not in left:
                self._drop(step, reading, after)

    def _drop(self, step: Step, reading: Reading, after: Sequence[Reading]) -> None:
        fate, node = self._by_match[id(reading.match)], reading.match.node
        if step == "recognition":
            fate.verdict, fate.reason = self._overruled(reading)
        elif step == "expression":
            winners = [r.match for r in after if node.index in {w.index for w in (r.match.node, *r.match.words)}]
            fate.verdict = "contained"
            fate.reason = f"its word belongs to {self._all_named(winners)}, which was read"
        elif step == "outcome":
            entry = reading.match.pattern.entry
            winners = [
                r.match for r in after if r.match.pattern.entry.outcome and r.match.pattern.entry.type == entry.type
            ]
            fate.verdict, fate.reason = "merged", f"one act with what it did to people: {self._all_named(winners)}"
        elif step == "untold":
            told = f": {fate.stance.reason}" if fate.stance is not None else ""
            fate.verdict, fate.reason = "untold", f"not told as done, under way or planned{told}"
        else:
            fate.verdict, fate.reason = "repeated", "another act of the sentence tells it"

    def _overruled(self, reading: Reading) -> tuple[Verdict, str]:
        """Return what the trained model holds against a reading that meets its constraints."""
        as_what, telling = self._recognised[reading.match.node.start]
        if as_what.taken:
            return "outranked", f"the trained model reads the word as {as_what.plover}: {telling}"
        return "unrecognised", f"the trained model gives an act {as_what.probability:.2f} here: {telling}"

    def merged(self, before: Sequence[Act], after: Sequence[Act]) -> None:
        left = {_key(a) for a in after}
        for act in before:
            if _key(act) not in left:
                fate = self._by_act[_key(act)]
                winners = [self._by_act[_key(a)].match for a in after if a.plover == act.plover]
                fate.verdict, fate.reason = "repeated", f"the sentence tells it already: {self._all_named(winners)}"

    def settled(self, before: Sequence[Act], after: Sequence[Act]) -> None:
        left = {_key(a) for a in after}
        for act in before:
            if _key(act) not in left:
                fate = self._by_act[_key(act)]
                fate.verdict = "mishap"
                fate.reason = "the article tells casualties, but no attack and nobody who caused them"

    def weighed(self, act: Act, mention: Mention, trust: Trust) -> None:
        fate = self._by_act[_key(act)]
        fate.mention, fate.features, fate.reason = mention, trust.features, mention.reasons.type
        if trust.doubtful:
            fate.verdict, fate.reason = "doubtful", f"its confidence {mention.confidence} is below the least"

    def sentences(self) -> Iterable[SentenceRead]:
        """Yield what was heard, sentence by sentence."""
        lexicon, forms = self._lexicon, self._forms
        if lexicon is None or forms is None:
            return
        trees: dict[int, list[_Heard]] = {}
        for heard in self._heard:
            trees.setdefault(heard.tree.sentence, []).append(heard)
        for sentence in self._sentences:
            found = trees.get(sentence.index, [])
            lemmas = sentence_lemmas(self._text, sentence, forms)
            read = self._read(sentence)
            candidates = [c for heard in found for c in self._explained(heard, lemmas, lexicon)]
            yield SentenceRead(
                sentence,
                self._text[sentence.start : sentence.end],
                read,
                tuple(heard.tree for heard in found),
                tuple(candidates if read == "for acts" else ()),
                tuple(_lacking(lemmas, lexicon)),
            )

    def _read(self, sentence: Sentence) -> Use:
        if sentence.index in self._candidates.with_trigger:
            return "for acts"
        if sentence.index in self._candidates.as_context:
            return "for context"
        return "heading" if is_heading(self._text, self._sentences, sentence) else "no trigger"

    def _explained(self, heard: _Heard, lemmas: set[str], lexicon: Lexicon) -> Iterable[Candidate]:
        """Yield the candidates of a tree, those among them whose construction does not fit.

        Of a word that is coded, other parts of speech and shorter patterns of the same entry tell nothing.
        """
        taken = [f.match for f in heard.fates if f.verdict == "coded"]
        by_entry = {(m.pattern.entry.id, m.node.index) for m in taken}
        told = [
            f
            for f in heard.fates
            if f.verdict != "outranked" or (f.match.pattern.entry.id, f.match.node.index) not in by_entry
        ]
        found = [self._candidate(fate, lexicon) for fate in told]
        known = {(f.match.pattern.entry.id, w.index) for f in heard.fates for w in f.match.words}
        coded = {w.index for m in taken for w in m.words}
        clauses = Clauses(heard.tree, lexicon)
        for node in heard.tree.nodes:
            for pattern in (p for lemma in sorted(node.lemmas) for p in lexicon.patterns.get(lemma, ())):
                if (pattern.entry.id, node.index) in known or missing_words(pattern, lemmas, lexicon) is not None:
                    continue
                obstacle = match_at(pattern, node, heard.tree, clauses)
                if not isinstance(obstacle, Match) and not (obstacle == "part of speech" and node.index in coded):
                    known.add((pattern.entry.id, node.index))
                    found.append(_misfit(pattern, node, obstacle, lexicon))
        return sorted(found, key=lambda c: c.start)

    def _candidate(self, fate: _Fate, lexicon: Lexicon) -> Candidate:
        match, filled = fate.match, fate.filled
        return Candidate(
            words=self._words(match),
            start=min(w.start for w in match.words),
            entry=match.pattern.entry,
            file=lexicon.files.get(match.pattern.entry.id, LEARNED_WORDS),
            part_of_speech=match.pattern.pos,
            verdict=fate.verdict,
            reason=fate.reason,
            actors=self._roles(filled.actors) if filled else (),
            targets=self._roles(filled.targets) if filled else (),
            governor=filled.governor.text if filled else "",
            stance=fate.stance,
            mention=fate.mention,
            features=fate.features,
        )

    def _roles(self, arguments: Iterable[Argument]) -> tuple[RoleFound, ...]:
        return tuple(RoleFound(self._text[a.start : a.end], a.source) for a in arguments)

    def _words(self, match: Match) -> str:
        return " ".join(self._text[w.start : w.end] for w in sorted(match.words, key=lambda w: w.index))

    def _named(self, match: Match) -> str:
        return f"“{self._words(match)}” (entry {match.pattern.entry.id})"

    def _all_named(self, matches: Sequence[Match]) -> str:
        return " or ".join(self._named(m) for m in matches) or "another reading"

    def _unmet(self, unmet: Unmet) -> str:
        found = ", ".join(f"“{self._text[a.start : a.end]}”" for a in unmet.found)
        wanted = _some(unmet.wanted)
        match unmet.rule:
            case "disaster":
                return f"a disaster is no actor: {found}"
            case "needs":
                return f"needs one of these in the sentence, and has none: {unmet.argument}"
            case "refuse":
                return f"refuses {unmet.argument}: {wanted}" + (f"; found {found}" if found else "")
            case "require":
                missing = "no such word" if unmet.argument == "modifier" else "there is none"
                return f"requires {unmet.argument}: {wanted}; {f'found {found}' if found else missing}"


def _some(names: Sequence[str]) -> str:
    """Return names joined by "or", at most a few of them."""
    more = f" or {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return " or ".join(names[:_MOST_NAMED]) + more


def _key(act: Act) -> tuple[int, int, tuple[int, int]]:
    """Return what an act keeps while it is settled and completed: its pattern, its head and its trigger."""
    return id(act.pattern), act.node.start, act.trigger


def pattern_words(pattern: Pattern) -> str:
    """Return a pattern as its lemmas."""
    pronouns = (["se"] if pattern.reflexive else []) + ([pattern.clitic] if pattern.clitic else [])
    return " ".join([*pronouns, pattern.spelling, *pattern.rest])


def _lacking(lemmas: set[str], lexicon: Lexicon) -> Iterable[Lacking]:
    for lemma in sorted(lemmas):
        for pattern in lexicon.patterns.get(lemma, ()):
            missing = missing_words(pattern, lemmas, lexicon)
            if missing is not None:
                file = lexicon.files[pattern.entry.id]
                yield Lacking(pattern.entry, file, pattern_words(pattern), tuple(sorted(missing)))


def _misfit(pattern: Pattern, node: Node, obstacle: Obstacle, lexicon: Lexicon) -> Candidate:
    match obstacle:
        case "part of speech":
            reason = f"read as {node.pos}, and not as {_A[pattern.pos]}"
        case "accents":
            reason = f"like “{pattern.spelling}” only without its accents"
        case "reflexive" if pattern.clitic:
            reason = f"“{pattern.clitic}” does not stand before it"
        case "reflexive":
            reason = "not reflexive here" if pattern.reflexive else "reflexive here"
        case "further words":
            reason = f"“{' '.join(pattern.rest)}” does not follow it closely enough"
    return Candidate(
        words=node.text,
        start=node.start,
        entry=pattern.entry,
        file=lexicon.files[pattern.entry.id],
        part_of_speech=pattern.pos,
        verdict="construction",
        reason=f"“{pattern_words(pattern)}”: {reason}",
    )


_A = {"verb": "a verb", "noun": "a noun", "adjective": "an adjective"}
