"""Whether a match meets the constraints of its lexicon entry: what its arguments must be and must not be.

Does not choose among readings (:mod:`judgement`).
"""

# ruff: noqa: PLR0911 - one constraint per branch; splitting them would hide their order
from __future__ import annotations

from collections.abc import Iterable, Sequence

from streams.coding.arguments import Argument, as_arguments
from streams.coding.circumstances import Circumstances
from streams.coding.clauses import PEERS, Clauses
from streams.coding.lexicon import Entry, Lexicon
from streams.coding.matching import Match
from streams.coding.observation import Unmet
from streams.coding.parties import Parties
from streams.coding.roles import Filled
from streams.coding.tree import Tree


class Constraints:
    """Checks matches in one sentence."""

    def __init__(
        self, tree: Tree, clauses: Clauses, lexicon: Lexicon, parties: Parties, circumstances: Circumstances
    ) -> None:
        """Take the sentence and the article's resolvers."""
        self._tree = tree
        self._clauses = clauses
        self._lexicon = lexicon
        self._parties = parties
        self._circumstances = circumstances

    def unmet(self, match: Match, filled: Filled) -> Unmet | None:
        """Return the first constraint that a match fails, None if it meets all."""
        entry = match.pattern.entry
        is_class = self._parties.is_class
        if any(is_class(a, ("DISASTER",)) for a in filled.actors):
            return Unmet("disaster", "actor", ("DISASTER",), filled.actors)
        for key, names in entry.require.items():
            if key == "modifier":
                if not self._has_modifier(match, names):
                    return Unmet("require", key, names)
                continue
            found = tuple(self._arguments(key, match, filled))
            if not any(is_class(a, names) for a in found):
                return Unmet("require", key, names, found)
        for key, names in entry.refuse.items():
            if key == "modifier":
                if self._has_modifier(match, names):
                    return Unmet("refuse", key, names)
                continue
            found = tuple(self._arguments(key, match, filled))
            if any(is_class(a, names) for a in found):
                return Unmet("refuse", key, names, found)
        if entry.needs and not self._has_needed(entry, filled, match):
            return Unmet("needs", " ".join(entry.needs), ())
        return None

    def _has_needed(self, entry: Entry, filled: Filled, match: Match) -> bool:
        tree = self._tree
        for slot in entry.needs:
            if slot == "actor" and any(self._parties.is_actor(a) for a in filled.actors):
                return True
            if slot == "target" and filled.targets:
                return True
            if slot == "support" and filled.supported:
                return True
            if slot == "place" and self._circumstances.has_place(tree):
                return True
            if slot == "quantity" and self._circumstances.choose_quantities(tree, match.node, match.node, entry.type):
                return True
            if slot == "date" and self._circumstances.has_date(tree):
                return True
        return False

    def _has_modifier(self, match: Match, names: Sequence[str]) -> bool:
        tree = self._tree
        below = {n.index for w in match.words for n in tree.subtree(w, frozenset({"acl:relcl", "conj"}))}
        if match.node.relation in {"conj"}:
            below |= {n.index for n in tree.children(match.node)}
        for index in below - {w.index for w in match.words}:
            node = tree.nodes[index]
            if any(self._lexicon.in_class(lemma, names) for lemma in node.lemmas):
                return True
        return False

    def _arguments(self, key: str, match: Match, filled: Filled) -> Iterable[Argument]:
        tree = self._tree
        if key == "actor":
            return filled.actors
        if key == "target":
            return filled.targets
        node = match.node
        if key == "subject":
            copular = match.words[0].relation in {"cop", "aux:pass"} and len(match.words) > 1
            find = self._clauses.grammatical_subject if copular else self._clauses.subject
            nodes = find(filled.governor) if filled.governor.is_verbal or copular else []
        elif key == "self":
            return [Argument(node, node, node.start, node.end, "self")]
        elif key == "object":
            nodes = self._clauses.object(node)
        elif key == "indirect":
            nodes = self._clauses.indirect(node)
        elif key == "infinitive":
            below = [n for n in tree.children(node, "xcomp", "ccomp", "advcl", "acl") if "VerbForm=Inf" in n.morph]
            return [Argument(n, n, n.start, n.end, key) for n in below]
        elif key == "head":
            measures = self._lexicon.word_set("measure_nouns")
            governors = [a for a in tree.ancestors(node) if not a.lemmas & measures]
            return [Argument(g, g, g.start, g.end, "head") for g in governors[:1]]
        else:
            nodes = [n for w in match.words for case, n in self._clauses.obliques(w) if case == key]
            if not nodes and tree.language == "en" and key in PEERS and node.is_verbal:
                nodes = self._clauses.through_object(node, key)
        return [a for n in nodes for a in as_arguments(tree, n, key, self._lexicon)]
