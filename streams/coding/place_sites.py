"""Sites: squares, buildings and institutions that an act's own words name as where it happens ("sur la place").

The gazetteer knows few of them. A site is in the place that the article's context gives: it is named as the text names
it, with that place beside it, at that place's coordinates. Does not choose the place around (:mod:`place_choice`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from streams.coding.places import ResolvedPlace
from streams.coding.spans import between
from streams.coding.tree import Node, Tree

#: How many words a site's name goes on behind its noun: "place de la République".
_LONGEST = 5

_DEFINITE = frozenset({"le", "la", "l'", "the"})
_CONTRACTED = frozenset({"au", "aux"})
_OPENS_CLAUSE = frozenset({"acl", "acl:relcl", "advcl", "conj", "cc", "punct", "parataxis", "appos", "obl:mod"})


def site_of(
    tree: Tree,
    predicate: Node,
    governor: Node,
    *,
    sites: frozenset[str],
    seats: frozenset[str],
    says_where: Callable[[str], bool],
) -> tuple[int, int] | None:
    """Return the span of the site that an act's own words give it, None where they give none.

    Args:
        tree: the act's sentence.
        predicate: the trigger's head.
        governor: the verb that carries it.
        sites: folded nouns of sites that need a name ("place de la République").
        seats: those of which there is one, named or not ("devant le parlement").
        says_where: says whether a preposition is one of place.
    """
    for node in tree.nodes:
        if node.pos not in {"NOUN", "PROPN"} or not node.lemmas & (sites | seats) or "Number=Plur" in node.morph:
            continue
        if not says_where(tree.case(node)) or not any(_hangs_on(tree, node, top) for top in (predicate, governor)):
            continue
        end = _end(tree, node)
        named = any(n.text[:1].isupper() for n in tree.nodes[node.index + 1 :] if n.end <= end)
        if named or (node.lemmas & seats and _is_definite(tree, node)):
            return node.start, end
    return None


def _is_definite(tree: Tree, node: Node) -> bool:
    contracted = any(c.folded in _CONTRACTED for c in tree.children(node, "case"))
    return contracted or any(c.folded in _DEFINITE for c in tree.children(node, "det"))


def _hangs_on(tree: Tree, node: Node, top: Node) -> bool:
    """Say whether a site hangs on an act without a clause between."""
    if node.index == top.index or not tree.is_below(node, top):
        return False
    return not any(n.is_verbal for n in between(tree, node, top))


def _end(tree: Tree, site: Node) -> int:
    """Return where the name of a site ends: before a clause, a list or a stop."""
    end = site.end
    for node in tree.nodes[site.index + 1 : site.index + 1 + _LONGEST]:
        path = [node, *between(tree, node, site)]
        if not tree.is_below(node, site) or any(n.is_verbal or n.relation in _OPENS_CLAUSE for n in path):
            break
        if node.pos in {"NOUN", "PRON"} and not tree.case(node):
            break  # "devant le tribunal mercredi"
        if node.pos not in {"ADP", "DET"}:
            end = node.end
    return end


def at_site(around: ResolvedPlace, text: str, start: int, end: int) -> ResolvedPlace:
    """Return a site in a place."""
    name = text[start:end]
    entry = replace(
        around.entry, geonames_id=None, name=f"{name} ({around.text})", french_name=None, kind="other", population=0
    )
    return ResolvedPlace(entry, name, start, end, around.score, f"site in {around.text}: {around.how}")
