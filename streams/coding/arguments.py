"""Noun phrases as arguments: their words, their real head ("une vingtaine de soldats" → "soldats"), their parts.

Does not know predicates or roles, and does not say who is meant: :mod:`parties` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from streams.coding.lexicon import Lexicon
from streams.coding.tree import Node, Tree, is_day

#: Branches of a noun phrase that are no part of its name.
_LEFT_OUT = frozenset({"acl:relcl", "advcl", "parataxis", "conj", "cc", "punct", "ccomp", "csubj", "appos", "discourse",
                       "obl:mod", "dep", "cop", "nsubj", "nsubj:pass", "advmod:neg", "acl"})  # fmt: skip
#: Complements that say when, why or against whom, not who.
_CIRCUMSTANTIAL = frozenset(
    [
        "des",
        "lors de",
        "dans",
        "apres",
        "avant",
        "pendant",
        "depuis",
        "selon",
        "contre",
        "face a",
        "lors",
        "durant",
        "sans",
        "pour",
        "malgre",
        "afin de",
        "during",
        "after",
        "before",
        "since",
        "against",
        "without",
        "for",
        "despite",
        "on",
    ]
)
_NAME_LINKS = frozenset({"appos", "flat:name", "flat", "flat:foreign"})
_LONGEST_ARGUMENT = 160


@dataclass(frozen=True, slots=True)
class Argument:
    """One party or thing as the sentence names it."""

    node: Node
    """Syntactic head."""
    core: Node
    """The noun that says what it is."""
    start: int
    end: int
    source: str
    """Where it stood: ``subject``, ``object``, a preposition, ``adjective``…"""


def core_of(tree: Tree, node: Node, lexicon: Lexicon) -> Node:
    """Return the noun that says what a phrase is about, through nouns of quantity and grouping."""
    measures = lexicon.word_set("measure_nouns")
    seen = 0
    while seen < 3 and (node.lemmas & measures or node.pos in {"NUM", "PRON"}):
        inner = next(
            (
                c
                for c in tree.children(node, "nmod", "obl:arg", "obl:mod", "amod")
                if tree.case(c) in {"de", "of", "parmi", "d'"} and c.is_nominal
            ),
            None,
        )
        if inner is None:
            break
        node = inner
        seen += 1
    return node


def phrase_span(tree: Tree, node: Node) -> tuple[int, int]:
    """Return the offsets of a noun phrase, without its preposition, clauses, appositions and coordination."""
    known = tree.spans.get(node.index)
    if known is None:
        known = tree.spans[node.index] = _phrase_span(tree, node)
    return known


def _phrase_span(tree: Tree, node: Node) -> tuple[int, int]:
    own_case = {c.index for c in tree.children(node, "case", "mark", "case:poss")}
    outside = {
        n.index
        for c in tree.children(node)
        if (c.relation in {"nmod", "obl:mod", "obl:arg"} and tree.case(c) in _CIRCUMSTANTIAL)
        or (c.relation == "nmod" and c.pos == "NOUN" and c.index > node.index and not tree.case(c) and is_day(c))
        for n in tree.subtree(c)
    }
    members = [
        n
        for n in tree.subtree(node, _LEFT_OUT)
        if n.index not in own_case and n.index not in outside and not (n.relation == "mark" and n.head == node.index)
    ]
    indexes = {n.index for n in members}
    first = last = node.index
    while first - 1 in indexes:
        first -= 1
    while True:
        if last + 1 in indexes:
            last += 1
        elif last + 2 in indexes and tree.nodes[last + 1].text in {"-", "'", '"'}:
            last += 2
        else:
            break
    follow = tree.nodes[last + 1] if last + 1 < len(tree.nodes) else None
    if follow is not None and follow.pos == "PROPN" and follow.relation in _NAME_LINKS and tree.is_below(follow, node):
        names = [n for n in tree.subtree(follow, _LEFT_OUT) if n.index > last]
        for n in names:
            if n.index == last + 1:
                last += 1
    while last + 1 < len(tree.nodes) and _goes_on(tree.nodes[last], tree.nodes[last + 1], node):
        last += 1
    while first < node.index and tree.nodes[first].pos in {"PUNCT", "CCONJ", "ADV"}:
        first += 1
    start, end = tree.nodes[first].start, tree.nodes[last].end
    if end - start > _LONGEST_ARGUMENT:
        end = max(
            n.end for n in tree.nodes[first : last + 1] if n.end - start <= _LONGEST_ARGUMENT or n.index == node.index
        )
    return start, end


def _goes_on(last: Node, following: Node, node: Node) -> bool:
    """Say whether a name goes on in the next word, which the parser hung elsewhere ("Jean Dupont", "Dupont" loose).

    A proper name that the parser calls punctuation is such a word: it says so of surnames that it does not know.
    """
    names = last.pos == following.pos == "PROPN" and following.text[:1].isupper()
    linked = following.relation in _NAME_LINKS or following.relation == "punct"
    return names and following.start == last.end + 1 and (last.index == node.index or linked)


def as_arguments(tree: Tree, node: Node, source: str, lexicon: Lexicon) -> list[Argument]:
    """Return the arguments that a phrase holds: one per coordinated part."""
    out: list[Argument] = []
    for part in tree.conjuncts(node):
        if not (part.is_nominal or part.pos in {"ADJ", "DET", "X", "ADV"}):
            continue
        start, end = phrase_span(tree, part)
        core = core_of(tree, part, lexicon)
        if core.index != part.index:
            core_start, core_end = phrase_span(tree, core)
            start, end = min(start, core_start), max(end, core_end)
        out.append(Argument(part, core, start, end, source))
        if core.index != part.index:
            for sibling in tree.conjuncts(core)[1:]:
                sibling_start, sibling_end = phrase_span(tree, sibling)
                out.append(Argument(sibling, sibling, sibling_start, sibling_end, source))
    return out
