"""Which tokens of a sentence a stretch of text covers, and how they hang on others. Knows no words and no events."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol, TypeVar

from streams.coding.tree import Node, Tree

#: A chain of heads longer than this says nothing any more.
_LONGEST_CHAIN = 40


class Located(Protocol):
    """What stands somewhere in a text."""

    @property
    def start(self) -> int:
        """Offset of its first code point."""


Found = TypeVar("Found", bound=Located)


def starting_in(found: Sequence[Found], start: int, end: int) -> Sequence[Found]:
    """Return those of a whole text's finds, in order of the text, that start between two offsets.

    A text is long and asked for each of its acts: what lies elsewhere is not looked at.
    """
    first = bisect_left(found, start, key=lambda one: one.start)
    return found[first : bisect_left(found, end, lo=first, key=lambda one: one.start)]


def nodes_between(tree: Tree, start: int, end: int) -> list[Node]:
    """Return the tokens that overlap a stretch of the text, in order."""
    return [n for n in tree.nodes if n.start < end and n.end > start]


def head_of(nodes: Sequence[Node]) -> Node:
    """Return the token of a stretch on which the others hang: the first whose own head lies outside it."""
    inside = {n.index for n in nodes}
    return next((n for n in nodes if n.head not in inside or n.head == n.index), nodes[0])


def chain(tree: Tree, node: Node) -> list[Node]:
    """Return a token and all above it, nearest first."""
    return [node, *tree.ancestors(node)][:_LONGEST_CHAIN]


def meeting(tree: Tree, node: Node, other: Node) -> Node | None:
    """Return the lowest token that is both tokens' ancestor or self, None where nothing joins them."""
    above = {n.index for n in chain(tree, other)}
    return next((n for n in chain(tree, node) if n.index in above), None)


def between(tree: Tree, node: Node, top: Node) -> list[Node]:
    """Return the tokens strictly between one and an ancestor of it, nearest first."""
    found: list[Node] = []
    for above in tree.ancestors(node):
        if above.index == top.index:
            return found
        found.append(above)
    return found
