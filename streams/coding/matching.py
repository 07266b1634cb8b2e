"""Which words of a parsed sentence carry which lexicon pattern. Does not fill roles nor judge constraints on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from streams.coding.clauses import Clauses
from streams.coding.lexicon import Lexicon, Pattern
from streams.coding.text import fold
from streams.coding.tree import DETERMINERS, PREPOSITIONS, Node, Tree

#: Words that may stand between the parts of an expression ("a fait hier un usage important de").
_GAP = {"verb": 4, "noun": 1, "adjective": 1}
_FREE = frozenset({"DET", "PUNCT"})
_CLITICS = frozenset({"en", "y", "s'", "se", "m'", "n'", "ne", "pas"})


#: Determiners that are never pronouns.
_SURE_DETERMINERS = DETERMINERS | {"a", "an", "this", "these"}


@dataclass(frozen=True, slots=True)
class Match:
    """A pattern found in a sentence."""

    pattern: Pattern
    node: Node
    words: tuple[Node, ...]
    """The words of the expression in order of the text, the head among them."""


def _pos_fits(pattern: Pattern, node: Node, tree: Tree) -> bool:
    before = tree.nodes[node.index - 1] if node.index else None
    if pattern.pos == "verb":
        if node.is_verbal:
            # "un manifestant" is tagged as a verb now and then: a determiner says that it is none.
            nominal = (
                before is not None and before.folded in _SURE_DETERMINERS and node.folded.endswith(("ant", "ants"))
            )
            # "have agreed to resume talks" is not "have talks".
            perfect = pattern.head == "have" and node.relation == "aux:tense"
            return not (nominal or perfect)
        # Participles are often tagged as adjectives, after a noun above all ("deux policiers blessés").
        return node.pos == "ADJ" and node.folded != pattern.head and _looks_like_participle(node, tree.language)
    if pattern.pos == "noun":
        if tree.language == "en" and node.pos == "VERB" and _is_gerund_noun(node, tree):
            return True
        if node.pos == "VERB" and before is not None:
            # French "a tué" has an auxiliary where English has its article.
            return (before.folded in _SURE_DETERMINERS and before.pos != "AUX") or before.pos == "NUM"
        return node.pos == "NOUN" or (node.pos in {"PROPN", "ADJ", "X"} and node.relation not in {"amod", "flat:name"})
    return node.pos in {"ADJ", "VERB", "NOUN"}


_FRENCH_PARTICIPLE = re.compile(r"(?:é|i|u|t|s)e?s?$")
_ENGLISH_PARTICIPLE = re.compile(r"(?:ed|en|wn|ght|t)$")


def _looks_like_participle(node: Node, language: str) -> bool:
    pattern = _FRENCH_PARTICIPLE if language == "fr" else _ENGLISH_PARTICIPLE
    return pattern.search(node.text.lower()) is not None


def _is_gerund_noun(node: Node, tree: Tree) -> bool:
    """Say whether an English "-ing" form stands as a noun ("Fighting between the two sides left ten dead")."""
    stands = node.relation in {"nsubj", "nsubj:pass", "obj", "obl:arg", "nmod"}
    return node.folded.endswith("ing") and stands and tree.child(node, "obj", "aux:tense") is None


def _word_fits(word: str, node: Node) -> bool:
    return word == node.folded or word in node.lemmas or word == PREPOSITIONS.get(node.folded, "")


def _rest_after(pattern: Pattern, node: Node, tree: Tree) -> tuple[Node, ...] | None:
    """Return the nodes of the words after the head, or None if they are not there."""
    found: list[Node] = []
    position = node.index + 1
    for word in pattern.rest:
        gap = 3 if pattern.head == "etre" and pattern.pos == "verb" else 0
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


#: Why the word of a pattern's head does not carry it: its part of speech; they are alike only without accents; the
#: reflexive pronoun that the pattern has or lacks; the further words of the expression are not where they must stand.
Obstacle = Literal["part of speech", "accents", "reflexive", "further words"]


def match_at(pattern: Pattern, node: Node, tree: Tree, clauses: Clauses) -> Match | Obstacle:
    """Return the match of a pattern whose head a word may be, or why there is none."""
    if not _pos_fits(pattern, node, tree):
        return "part of speech"
    if _only_by_lost_accents(pattern, node):
        return "accents"
    if pattern.pos == "verb" and not _voice_fits(pattern, node, tree, clauses):
        return "reflexive"
    rest = _rest_after(pattern, node, tree) or _rest_as_object(pattern, node, tree, clauses)
    if rest is None:
        return "further words"
    # "sont mobilisés" and "mobilisés" are readings of one predicate: the better one is chosen.
    return Match(pattern, _pivot(node, rest, tree), (node, *rest))


def find_matches(tree: Tree, lexicon: Lexicon, clauses: Clauses) -> list[list[Match]]:
    """Return, for each word that may carry an act, its matches, the most specific pattern first."""
    found: dict[int, list[Match]] = {}
    words = {word for node in tree.nodes for word in (node.folded, *node.lemmas, PREPOSITIONS.get(node.folded, ""))}
    for node in tree.nodes:
        seen: set[int] = set()
        for lemma in sorted(node.lemmas):
            for pattern in lexicon.patterns.get(lemma, ()):
                if not words.issuperset(pattern.rest) or id(pattern) in seen:
                    continue  # most expressions are told off by a word that the sentence has not
                seen.add(id(pattern))
                match = match_at(pattern, node, tree, clauses)
                if isinstance(match, Match):
                    found.setdefault(match.node.index, []).append(match)
    return [sorted(found[index], key=_rank, reverse=True) for index in sorted(found)]


def _rest_as_object(pattern: Pattern, node: Node, tree: Tree, clauses: Clauses) -> tuple[Node, ...] | None:
    """Return the one further word of a verbal expression if it is the verb's object, however far."""
    if pattern.pos != "verb" or not pattern.rest:
        return () if not pattern.rest else None
    for node_ in clauses.object(node):
        if _word_fits(pattern.rest[0], node_):
            if len(pattern.rest) == 1:
                return (node_,)
            following = _rest_after(pattern, tree.nodes[node_.index - 1], tree) if node_.index else None
            return following if following and following[0].index == node_.index else None
    return None


def _voice_fits(pattern: Pattern, node: Node, tree: Tree, clauses: Clauses) -> bool:
    """Say whether a verb is reflexive where its pattern is, and only there ("s'exiler" is not "exiler")."""
    if pattern.clitic and not _has_before(pattern.clitic, node, tree):
        return False
    if pattern.reflexive:
        return clauses.is_reflexive_for(node) or (bool(pattern.clitic) and _has_before("s'", node, tree))
    return bool(pattern.rest or pattern.clitic) or not clauses.is_reflexive(node)


def _has_before(clitic: str, verb: Node, tree: Tree) -> bool:
    """Say whether a pronoun stands before a verb, with nothing between but its auxiliaries, pronouns and adverbs."""
    for position in range(verb.index - 1, max(-1, verb.index - 7), -1):
        here = tree.nodes[position]
        if here.folded == clitic:
            return True
        if here.pos not in {"AUX", "ADV", "PRON", "PART"} and here.folded not in _CLITICS:
            return False
    return False


def _only_by_lost_accents(pattern: Pattern, node: Node) -> bool:
    """Say whether a word with accents meets a pattern only because both were folded ("marché" is not "marche")."""
    low = node.text.lower()
    if low.isascii() or pattern.pos == "verb":
        return False
    return fold(low.rstrip("s")) == pattern.head and low.rstrip("s") != pattern.spelling.rstrip("s")


def _pivot(node: Node, rest: tuple[Node, ...], tree: Tree) -> Node:
    """Return the head of the clause: of "était présent" the predicate, on which the parser hangs the copula."""
    if rest and node.relation in {"cop", "aux:pass", "aux:tense"} and node.head in {r.index for r in rest}:
        return tree.nodes[node.head]
    return node


def _rank(match: Match) -> tuple[int, int, str]:
    pattern, entry = match.pattern, match.pattern.entry
    # "être inculpé" says no more than the participle "inculpé" that it turns on.
    words = len(pattern.rest) - (match.node.index != match.words[0].index)
    return (
        words * 2 + pattern.reflexive + bool(pattern.clitic),
        len(entry.require) + (len(entry.needs) > 0),
        entry.id,
    )
