"""A parsed sentence as plain values: tokens with offsets into the article, one set of relations for both languages.

Relations are those of Universal Dependencies; English labels are translated on the way in (:mod:`parse`). A tree knows
nothing of the lexicon or of events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

SUBJECTS = frozenset({"nsubj", "nsubj:pass", "csubj"})
CLAUSES = frozenset({"acl:relcl", "advcl", "ccomp", "csubj", "parataxis", "acl"})


@dataclass(slots=True)
class Node:
    """One token. ``start`` and ``end`` are code points into the article's text."""

    index: int
    text: str
    start: int
    end: int
    pos: str
    relation: str
    head: int
    morph: frozenset[str]
    folded: str
    lemmas: frozenset[str]
    """Every folded lemma that the form may have."""
    lemma: str
    """The likeliest of them for the part of speech."""
    children: list[int] = field(default_factory=list)

    @property
    def is_verbal(self) -> bool:
        """True for verbs and auxiliaries."""
        return self.pos in {"VERB", "AUX"}

    @property
    def is_nominal(self) -> bool:
        """True for nouns, names, pronouns and bare numbers."""
        return self.pos in {"NOUN", "PROPN", "PRON", "NUM"}


class Tree:
    """The tokens of one sentence and the ways between them."""

    def __init__(self, nodes: Sequence[Node], language: str, sentence: int, start: int, end: int) -> None:
        """Take the nodes; children are filled here, cycles and outside heads are cut to roots."""
        self.nodes = list(nodes)
        self.language = language
        self.sentence = sentence
        self.start = start
        self.end = end
        self.spans: dict[int, tuple[int, int]] = {}
        """Offsets of the noun phrases worked out so far, by the index of their head (:mod:`arguments`)."""
        self._cases: dict[int, str] = {}
        for node in self.nodes:
            if node.head != node.index and 0 <= node.head < len(self.nodes):
                self.nodes[node.head].children.append(node.index)
            else:
                node.head = node.index

    def head(self, node: Node) -> Node | None:
        """Return a node's head, or None for a root."""
        return None if node.head == node.index else self.nodes[node.head]

    def children(self, node: Node, *relations: str) -> list[Node]:
        """Return the children with one of the relations (all without any), in order of the text."""
        found = [self.nodes[i] for i in node.children]
        return [c for c in found if c.relation in relations] if relations else found

    def child(self, node: Node, *relations: str) -> Node | None:
        """Return the first child with one of the relations."""
        for i in node.children:
            if self.nodes[i].relation in relations:
                return self.nodes[i]
        return None

    def case(self, node: Node) -> str:
        """Return the preposition that marks a noun phrase, folded lemma; several are joined; empty without one."""
        known = self._cases.get(node.index)
        if known is None:
            known = self._cases[node.index] = self._case(node)
        return known

    def _case(self, node: Node) -> str:
        words = [c for c in self.children(node, "case") if c.index < node.index]
        if not words:
            return ""
        first = words[0]
        if first.folded in _WITHOUT_DE:  # "avec des migrants": the parser takes the article for a preposition
            words = [first, *(w for w in words[1:] if PREPOSITIONS.get(w.folded, w.folded) != "de")]
        parts = [PREPOSITIONS.get(first.folded, first.folded)]
        parts += [c.folded for c in self.children(first, "fixed")]
        parts += [PREPOSITIONS.get(c.folded, c.folded) for c in words[1:]]
        if len(parts) > 1 and parts[0].endswith(" de") and parts[1] == "de":
            del parts[1]
        return " ".join(parts)

    def ancestors(self, node: Node) -> Iterator[Node]:
        """Yield the heads above a node, nearest first."""
        seen = {node.index}
        while node.head != node.index and node.head not in seen:
            node = self.nodes[node.head]
            seen.add(node.index)
            yield node

    def subtree(self, node: Node, skip: frozenset[str] = frozenset()) -> list[Node]:
        """Return a node and all below it, in order of the text, leaving out branches whose relation is in ``skip``."""
        out, queue = [], [node.index]
        seen: set[int] = set()
        while queue:
            index = queue.pop()
            if index in seen:
                continue
            seen.add(index)
            current = self.nodes[index]
            out.append(current)
            queue.extend(i for i in current.children if self.nodes[i].relation not in skip)
        return sorted(out, key=lambda n: n.index)

    def is_below(self, node: Node, above: Node) -> bool:
        """Say whether ``above`` is the node itself or one of its ancestors."""
        return node.index == above.index or any(a.index == above.index for a in self.ancestors(node))

    def clause_of(self, node: Node) -> Node:
        """Return the head of the smallest clause that holds a node: the nearest verb, or the root."""
        current = node
        for above in (node, *self.ancestors(node)):
            current = above
            if above.is_verbal or above.relation in {"ROOT", "root", "ccomp", "advcl", "acl:relcl"}:
                return above
        return current

    def conjuncts(self, node: Node) -> list[Node]:
        """Return a node and those coordinated with it, in order of the text."""
        out = [node]
        for c in self.children(node, "conj"):
            out.extend(self.conjuncts(c))
        return sorted(out, key=lambda n: n.index)

    def first_conjunct(self, node: Node) -> Node:
        """Return the first of the coordination that a node stands in."""
        while node.relation == "conj" and node.head != node.index:
            node = self.nodes[node.head]
        return node


_WITHOUT_DE = frozenset(
    [
        "avec",
        "contre",
        "sur",
        "dans",
        "par",
        "pour",
        "entre",
        "sous",
        "chez",
        "sans",
        "selon",
        "vers",
        "envers",
        "en",
        "a",
        "au",
        "aux",
        "parmi",
        "depuis",
        "des",
    ]
)

#: Contracted and elided prepositions, and lexical variants that frames need not tell apart.
PREPOSITIONS = {
    "d'": "de", "d": "de", "du": "de", "des": "de", "au": "a", "aux": "a", "jusqu'": "jusque", "jusqu": "jusque",
    "lors": "lors de", "upon": "on", "onto": "on",
}  # fmt: skip

#: French determiners that are never pronouns, folded.
DETERMINERS = frozenset(
    ["un", "une", "des", "du", "au", "aux", "ce", "cet", "cette", "ces",
     "son", "sa", "ses", "leurs", "plusieurs", "deux", "trois", "quelques"]
)  # fmt: skip

_DAYS = frozenset(
    [
        "lundi",
        "mardi",
        "mercredi",
        "jeudi",
        "vendredi",
        "samedi",
        "dimanche",
        "hier",
        "demain",
        "matin",
        "soir",
        "soiree",
        "nuit",
        "veille",
        "lendemain",
    ]
) | frozenset(
    [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "yesterday",
        "tomorrow",
        "today",
        "tonight",
    ]
)


def is_day(node: Node) -> bool:
    """Say whether a word names a day or a part of one: no party, though it stands without preposition."""
    return node.folded in _DAYS or node.folded.removesuffix("s") in _DAYS
