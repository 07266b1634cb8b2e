"""Words of a sentence that may tell an act, each with what the lexicon says of it and features for a trained model.

A word's features name its lemma, what each lexicon entry on it says, its grammar and what stands around it. They are
the vocabulary of the model in ``data/learned``: changing one means training it anew (docs/learned.md). Does not decide
which words tell an act (:mod:`recognition`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.mention import PloverType
from streams.coding.arguments import Argument, as_arguments
from streams.coding.clauses import Clauses
from streams.coding.lexicon import Lexicon
from streams.coding.matching import Match
from streams.coding.modality import Stance
from streams.coding.parties import Parties
from streams.coding.quotations import is_quoted
from streams.coding.repetition import Reading
from streams.coding.tree import Node, Tree

#: Relations of dependents whose lemma is a feature of the word above them.
_TELLING = ("amod", "det", "advmod", "nummod", "xcomp", "ccomp", "aux:tense", "obj", "acl", "mark")
_FORMS = ("Tense=", "Mood=", "VerbForm=")

#: Depth in the tree and number of the sentence count up to these.
_DEEPEST = 5
_LAST_SENTENCE = 6


@dataclass(frozen=True, slots=True)
class Tried:
    """One lexicon pattern on a word: what it would read, and whether it meets its entry's constraints."""

    reading: Reading
    met: bool
    stance: Stance
    """How the text stands to an act of the type below."""
    raw: Stance
    """The same before negation or announcement made another type of it."""
    plover: PloverType
    """The type that the act would have in its modality."""
    told: bool
    """False for a mere aim, or what somebody is asked to do."""

    @property
    def match(self) -> Match:
        """Return the pattern as found."""
        return self.reading.match


@dataclass(frozen=True, slots=True)
class Word:
    """A word that may tell an act."""

    node: Node
    tried: tuple[Tried, ...]
    """The most specific pattern first; empty for a word that is in no pattern."""
    features: tuple[str, ...]


def may_tell(node: Node) -> bool:
    """Say whether a word that carries no pattern is of a kind that can tell an act: a verb, a noun, a participle."""
    return node.pos in {"VERB", "NOUN"} or (node.pos == "ADJ" and "VerbForm=Part" in node.morph)


class WordReader:
    """Describes the words of one sentence."""

    def __init__(
        self,
        tree: Tree,
        lexicon: Lexicon,
        clauses: Clauses,
        parties: Parties,
        *,
        quotes: Sequence[tuple[int, int]],
        title: frozenset[str],
    ) -> None:
        """Take the sentence, the article's resolver of parties, its quoted spans and the folded words of its title."""
        self._tree = tree
        self._lexicon = lexicon
        self._clauses = clauses
        self._parties = parties
        self._quotes = quotes
        self._title = title

    def describe(self, node: Node, tried: Sequence[Tried]) -> Word:
        """Return a word with its features."""
        kind = part_of_speech(node)
        features = [f"lemma={node.lemma}", f"lemma={node.lemma}|{kind}", f"kind={kind}", f"pos={node.pos}"]
        features += self._by_lexicon(tried, kind)
        features += self._by_grammar(node, kind)
        features += [f"quoted={is_quoted(node.start, self._quotes)}", f"title={node.folded in self._title}"]
        features.append(f"sentence={min(self._tree.sentence, _LAST_SENTENCE)}")
        return Word(node, tuple(tried), tuple(features))

    def _by_lexicon(self, tried: Sequence[Tried], kind: str) -> list[str]:
        features: list[str] = []
        for one in tried:
            entry = one.match.pattern.entry
            features += [f"entry={entry.id}|{one.met}", f"{'meets' if one.met else 'fails'}={entry.type}"]
        first = next((one for one in tried if one.met), None)
        features.append(f"lexicon={'meets' if first else 'fails' if tried else 'none'}")
        if first is None:
            return features
        entry, filled, stance = first.match.pattern.entry, first.reading.filled, first.stance
        acts, suffers = bool(filled.actors), bool(filled.targets)
        features += [
            f"first={first.plover}",
            f"first={first.plover}|{kind}",
            f"first={entry.id}",
            f"first={first.plover}|{stance.modality}",
            f"first={first.plover}|{acts}|{suffers}",
            f"words={' '.join(w.lemma for w in first.match.words)}",
            f"modality={stance.modality}",
            f"told={first.told}",
            f"outcome={entry.outcome}",
            f"constrained={bool(entry.require)}",
            f"supported={filled.supported}",
            f"pluperfect={stance.past_perfect}",
            f"acts={acts}",
            f"suffers={suffers}",
        ]
        for side, arguments in (("actor", filled.actors), ("target", filled.targets)):
            for argument in arguments[:2]:
                features.append(f"{side}={argument.core.lemma}")
                for name in self._parties.classes_of(argument):
                    features += [f"{side} is {name}", f"{side} is {name}|{first.plover}"]
        return features

    def _by_grammar(self, node: Node, kind: str) -> list[str]:
        tree, clauses, lemma = self._tree, self._clauses, node.lemma
        head = tree.head(node)
        above = head.lemma if head is not None else "-"
        features = [f"relation={node.relation}", f"head={above}", f"head={above}|{node.relation}"]
        features.append(f"depth={min(sum(1 for _ in tree.ancestors(node)), _DEEPEST)}")
        if node.is_verbal:
            subjects, objects = clauses.subject(node)[:2], clauses.object(node)[:2]
            features += [
                f"subject={bool(subjects)}",
                f"object={bool(objects)}",
                f"passive={clauses.is_passive(node)}",
                f"reflexive={clauses.is_reflexive(node)}|{lemma}",
                *sorted(f for f in node.morph if f.startswith(_FORMS)),
            ]
            for side, nodes in (("subject", subjects), ("object", objects)):
                for argument in (a for n in nodes for a in as_arguments(tree, n, side, self._lexicon)[:1]):
                    features += self._by_argument(lemma, side, argument)
        for case, other in clauses.obliques(node):
            features += [f"case={case}", f"{lemma}>{case}", f"{lemma}>{case}>{other.lemma}"]
        for child in tree.children(node, *_TELLING):
            features += [f"{child.relation}={child.lemma}", f"{lemma}>{child.relation}={child.lemma}"]
            if child.relation == "amod" and self._parties.relational(child).country is not None:
                features.append(f"of a country|{kind}")
        return features

    def _by_argument(self, lemma: str, side: str, argument: Argument) -> list[str]:
        core = argument.core.lemma
        features = [f"{side}={core}", f"{lemma}>{side}={core}"]
        for name in self._parties.classes_of(argument):
            features += [f"{side} is {name}", f"{lemma}>{side} is {name}"]
        return features


def part_of_speech(node: Node) -> str:
    """Return the kind of a word: verb, noun, adjective or other."""
    if node.is_verbal:
        return "verb"
    if node.pos in {"NOUN", "PROPN"}:
        return "noun"
    return "adjective" if node.pos == "ADJ" else "other"
