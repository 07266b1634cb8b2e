"""Which words of a parsed sentence carry which lexicon pattern. Does not fill roles nor judge constraints on them."""

from __future__ import annotations

from dataclasses import dataclass

from streams.coding.clauses import Clauses
from streams.coding.lexicon import Lexicon, Pattern
from streams.coding.tree import PREPOSITIONS, Node, Tree

#: Words that may stand between the parts of an expression ("a fait hier un usage important de").
_GAP = {"verb": 4, "noun": 1, "adjective": 1}
_FREE = frozenset({"DET", "PUNCT"})


@dataclass(frozen=True, slots=True)
class Match:
    """A pattern found in a sentence."""

    pattern: Pattern
    node: Node
    words: tuple[Node, ...]
    """The words of the expression in order of the text, the head among them."""


def _pos_fits(pattern: Pattern, node: Node, tree: Tree) -> bool:
    if pattern.pos == "verb":
        if node.is_verbal:
            return True
        # Participles are often tagged as adjectives, after a noun above all ("deux policiers blessés").
        return node.pos == "ADJ" and node.folded != pattern.head and _looks_like_participle(node, tree.language)
    if pattern.pos == "noun":
        return node.pos == "NOUN" or (node.pos in {"PROPN", "ADJ", "X"} and node.relation not in {"amod", "flat:name"})
    return node.pos in {"ADJ", "VERB", "NOUN"}


def _looks_like_participle(node: Node, language: str) -> bool:
    endings = ("e", "es", "ee", "ees", "i", "is", "ie", "ies", "it", "ts", "te", "tes", "u", "us", "ue", "ues", "s")
    return node.folded.endswith(endings if language == "fr" else ("ed", "en", "wn", "ght"))


def _word_fits(word: str, node: Node) -> bool:
    return word == node.folded or word in node.lemmas or word == PREPOSITIONS.get(node.folded, "")


def _rest_after(pattern: Pattern, node: Node, tree: Tree) -> tuple[Node, ...] | None:
    """Return the nodes of the words after the head, or None if they are not there."""
    found: list[Node] = []
    position = node.index + 1
    for word in pattern.rest:
        gap = 0
        while position < len(tree.nodes):
            here = tree.nodes[position]
            position += 1
            if _word_fits(word, here):
                found.append(here)
                break
            if here.pos not in _FREE:
                gap += 1
            if gap > _GAP[pattern.pos] or here.text in {".", ";"}:
                return None
        else:
            return None
    return tuple(found)


def find_matches(tree: Tree, lexicon: Lexicon, clauses: Clauses) -> list[list[Match]]:
    """Return, for each word that may carry an act, its matches, the most specific pattern first."""
    out: list[list[Match]] = []
    for node in tree.nodes:
        here: list[Match] = []
        seen: set[int] = set()
        for lemma in sorted(node.lemmas):
            for pattern in lexicon.patterns.get(lemma, ()):
                if id(pattern) in seen or not _pos_fits(pattern, node, tree):
                    continue
                seen.add(id(pattern))
                if pattern.reflexive and not clauses.is_reflexive(node):
                    continue
                rest = _rest_after(pattern, node, tree)
                if rest is not None:
                    here.append(Match(pattern, node, (node, *rest)))
        if here:
            here.sort(key=_rank, reverse=True)
            out.append(here)
    return out


def _rank(match: Match) -> tuple[int, int, str]:
    entry = match.pattern.entry
    return (
        len(match.pattern.rest) * 2 + match.pattern.reflexive,
        len(entry.require) + (len(entry.needs) > 0),
        entry.id,
    )
