"""Who says so: "a déclaré X", "selon X", a speaker whose quotation runs over several sentences.

A statement is no event; this module only names the source of one. Does not judge whether the source is reliable.
"""

from __future__ import annotations

from dataclasses import dataclass

from streams.coding.arguments import Argument, as_arguments
from streams.coding.clauses import Clauses
from streams.coding.lexicon import Lexicon
from streams.coding.tree import Node, Tree

_QUOTES = frozenset('"«»“”')


@dataclass(frozen=True, slots=True)
class Saying:
    """A source in a sentence."""

    source: Argument
    verb: Node | None
    """The verb of saying; None for "selon X"."""
    whole: bool
    """True where it covers the whole sentence ("…, a déclaré X")."""


def sayings(tree: Tree, lexicon: Lexicon, clauses: Clauses) -> list[Saying]:
    """Return the sources that a sentence names, in order of the text."""
    out: list[Saying] = []
    verbs, prepositions = lexicon.word_set("saying"), lexicon.word_set("according")
    for node in tree.nodes:
        if node.is_verbal and node.lemmas & verbs:
            subjects = clauses.subject(node)
            if not subjects or not (
                tree.child(node, "ccomp", "parataxis") or node.relation in {"parataxis", "root", "ROOT"}
            ):
                continue
            for argument in as_arguments(tree, subjects[0], "subject", lexicon)[:1]:
                inverted = argument.node.index > node.index
                out.append(Saying(argument, node, whole=inverted or node.relation in {"parataxis", "root", "ROOT"}))
        elif node.is_nominal and node.relation.startswith(("obl", "nmod", "advmod", "parataxis", "dep")):
            case = tree.case(node).split(" ")[0]
            if case in prepositions or (case == "d'apres"):
                found = as_arguments(tree, node, "selon", lexicon)[:1]
                out.extend(Saying(argument, None, whole=True) for argument in found)
    return out


def source_of(tree: Tree, predicate: Node, found: list[Saying]) -> Saying | None:
    """Return who vouches for an act: the nearest verb of saying above it, else a source for the whole sentence."""
    for above in tree.ancestors(predicate):
        for saying in found:
            if saying.verb is not None and saying.verb.index == above.index:
                return saying
    own = tree.subtree(predicate)
    inside = {n.index for n in own}
    for saying in found:
        if saying.verb is None or (
            saying.whole and saying.verb.index in inside and saying.verb.index != predicate.index
        ):
            return saying
    return None


def opens_quotation(text: str) -> bool:
    """Say whether a stretch of text leaves a quotation open at its end."""
    typographic = text.count("«") + text.count("“") - text.count("»") - text.count("”")
    return typographic > 0 or text.count('"') % 2 == 1


def has_quotation(text: str) -> bool:
    """Say whether a sentence holds a quotation mark at all."""
    return any(c in _QUOTES for c in text)
