"""How many, for an act: the counts among those of its sentence that are tied to it.

A count is an act's if it stands in one of its arguments, counts the act itself ("deux attentats"), or hangs on it: on
its own words or clause for any kind; through a relative clause, or as object of the verb whose subject the act is, for
what it did to people ("l'attaque, qui a fait dix morts"). People who are the object of killing, wounding or arresting
are counted as dead, injured, arrested; so is one person without a number, as one. How a count is read off its words is
for :mod:`quantities`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from streams.coding.arguments import Argument
from streams.coding.circumstance_words import circumstance_words
from streams.coding.quantities import QuantityExpression, QuantityGrammar
from streams.coding.spans import between, head_of, meeting, nodes_between
from streams.coding.tree import SUBJECTS, Node, Tree

#: Which quantities an act of a type can have.
_KINDS = {
    "ASSAULT": frozenset({"dead", "injured", "people", "troops", "other"}),
    "COERCE": frozenset({"arrested", "people", "dead", "injured", "money", "other"}),
    "PROTEST": frozenset({"people", "other", "injured", "dead", "arrested"}),
    "MOBILIZE": frozenset({"troops", "people", "other"}),
    "AID": frozenset({"money", "people", "troops", "other"}),
    "RETREAT": frozenset({"people", "troops", "money", "other"}),
    "SANCTION": frozenset({"money", "people", "other"}),
}
_COMMON_KINDS = frozenset({"people", "troops", "money", "other"})
_CASUALTIES = frozenset({"dead", "injured", "arrested"})
_PEOPLE = frozenset({"people", "troops"})

#: Through how many other clauses a count of a kind still belongs to an act: what was done to people, and forces shown.
_CLAUSES = {"dead": 1, "injured": 1, "arrested": 1, "troops": 2}

#: Determiners of one person who is told by a nationality: "un Soudanais".
_ONE = frozenset({"un", "une", "ce", "cet", "cette", "a", "an", "this"})

#: Pronouns of one person.
_HE = frozenset({"il", "elle", "lui", "he", "she", "him", "her", "celui-ci", "celle-ci", "l'un", "l'une"})


#: What may follow the head of an expression ("garde" of "garde à vue"), in code points.
_EXPRESSION = 20

#: Which kinds a type can make of the people it is done to.
_OUTCOMES = {"ASSAULT": frozenset({"dead", "injured"}), "COERCE": frozenset({"arrested"})}


def choose_quantities(
    text: str,
    tree: Tree,
    quantities: Sequence[QuantityExpression],
    grammar: QuantityGrammar,
    *,
    predicate: Node,
    governor: Node,
    plover: str,
    actors: Sequence[Argument],
    targets: Sequence[Argument],
) -> tuple[QuantityExpression, ...]:
    """Return the quantities of an act, in order.

    Args:
        text: the article's text.
        tree: its sentence.
        quantities: those of the sentence.
        grammar: says what verbs do to people.
        predicate: the trigger's head.
        governor: the verb that carries it.
        plover: its type.
        actors: who does it.
        targets: whom it is done to.
    """
    allowed = _KINDS.get(plover, _COMMON_KINDS)
    outcome = _outcome(text, tree, grammar, predicate, plover)
    found: list[QuantityExpression] = []
    for quantity in quantities:
        nodes = nodes_between(tree, quantity.start, quantity.end)
        if not nodes:
            continue
        suffered = _is_in(tree, quantity, nodes, targets)
        kind = outcome if outcome is not None and suffered and quantity.kind in _PEOPLE else quantity.kind
        if kind not in allowed:
            continue
        acting = _is_in(tree, quantity, nodes, actors) or _is_gathered(tree, nodes, kind, predicate)
        if suffered or acting or _hangs_on(tree, nodes, kind, predicate, governor):
            found.append(quantity if kind == quantity.kind else replace(quantity, kind=kind))
    if plover == "ASSAULT" and outcome is None and not any(q.kind in _CASUALTIES for q in found):
        found += [q for q in quantities if q.kind in _OUTCOMES[plover]]
    if plover == "PROTEST" and not any(q.kind == "people" for q in found):
        found += [q for q in quantities if q.kind == "people" and _takes_part(tree, q)]
    if outcome is not None and not any(q.kind == outcome for q in found):
        found += [_one(text, target, outcome) for target in targets if _is_one_person(tree, target, grammar)]
    return tuple(sorted(found, key=lambda q: (q.start, q.end)))


def _is_in(tree: Tree, quantity: QuantityExpression, nodes: Sequence[Node], arguments: Sequence[Argument]) -> bool:
    """Say whether a count is of a party, not only somewhere in what is said about it."""
    head = head_of(nodes)
    for argument in arguments:
        if argument.start < quantity.end and quantity.start < argument.end:
            if any(n.index in {argument.node.index, argument.core.index} for n in nodes):
                return True
            if not tree.is_below(head, argument.node):
                return True
            steps = between(tree, head, argument.node)
            if len(steps) <= 1 and not any(n.is_verbal for n in steps):
                return True
    return False


def _outcome(text: str, tree: Tree, grammar: QuantityGrammar, predicate: Node, plover: str) -> str | None:
    """Return what an act makes of those it is done to, by its own word: "tués", "arrestation"."""
    kind = grammar.outcome(text[predicate.start : predicate.end + _EXPRESSION], language=tree.language)
    return kind if kind in _OUTCOMES.get(plover, ()) else None


def _hangs_on(tree: Tree, nodes: list[Node], kind: str, predicate: Node, governor: Node) -> bool:
    """Say whether a count hangs on an act closely enough for its kind."""
    if any(n.index == predicate.index for n in nodes):
        return not predicate.is_verbal
    head = head_of(nodes)
    casualties = kind in _CASUALTIES
    for top in (predicate, governor):
        if tree.is_below(head, top):
            clauses = [n for n in between(tree, head, top) if n.is_verbal and n.relation != "xcomp"]
            return len(clauses) <= (_CLAUSES.get(kind, 0))
    if not casualties:
        return False
    phrase = _phrase(tree, predicate)
    joint = meeting(tree, head, phrase)
    if joint is None or any(n.is_verbal for n in between(tree, head, joint) if n.index != joint.index):
        return joint is not None and joint.index == phrase.index
    if joint.index == phrase.index:
        return True
    return joint.is_verbal and phrase.head == joint.index and phrase.relation in SUBJECTS


def _is_gathered(tree: Tree, nodes: Sequence[Node], kind: str, predicate: Node) -> bool:
    """Say whether people are counted as those whom an act brings together: "un défilé rassemblant 300 personnes"."""
    head = head_of(nodes)
    verb = tree.head(head)
    if (
        kind not in _PEOPLE
        or predicate.is_verbal
        or verb is None
        or not verb.lemmas & circumstance_words(tree.language).gathers
    ):
        return False
    phrase = _phrase(tree, predicate)
    above = tree.head(verb)
    is_of = verb.relation.startswith("acl") and above is not None and above.index == phrase.index
    return is_of or (phrase.head == verb.index and phrase.relation in SUBJECTS)


def _takes_part(tree: Tree, quantity: QuantityExpression) -> bool:
    """Say whether a sentence counts people as a crowd: "120.000 personnes ont défilé", "la police en a compté 300"."""
    nodes = nodes_between(tree, quantity.start, quantity.end)
    if not nodes:
        return False
    verb = next((n for n in tree.ancestors(head_of(nodes)) if n.is_verbal), None)
    words = circumstance_words(tree.language)
    return verb is not None and bool(verb.lemmas & (words.gathers | words.marches))


def _phrase(tree: Tree, noun: Node) -> Node:
    """Return the head of the noun phrase that a noun closes: "vague" of "une vague d'attentats"."""
    while not noun.is_verbal and noun.relation == "nmod":
        above = tree.head(noun)
        if above is None or above.is_verbal:
            break
        noun = above
    return noun


def _is_one_person(tree: Tree, target: Argument, grammar: QuantityGrammar) -> bool:
    """Say whether a party is one person: a pronoun, a name or noun of a person in the singular, not coordinated."""
    node = target.node
    if "Number=Plur" in node.morph or tree.children(node, "conj", "nummod"):
        return False
    if node.pos == "PRON":
        return node.folded in _HE
    determiners = tree.children(node, "det")
    if (node.pos == "NOUN" or determiners) and grammar.is_person(node.text, language=tree.language):
        return True
    parts = tree.children(node, "flat:name", "flat", "appos")
    if not node.text[:1].isupper():  # "le général Untel"
        return node.pos == "NOUN" and sum(c.pos == "PROPN" for c in parts) == 1 and not parts[0].text.isupper()
    if node.pos == "PROPN" and any(c.text[:1].isupper() and c.relation.startswith("flat") for c in parts):
        return True
    return any(c.folded in _ONE for c in determiners) if determiners else _is_given_name(tree, target)


def _is_given_name(tree: Tree, target: Argument) -> bool:
    """Say whether a bare name is a person's: the subject or object of what is done to people, no acronym, no place."""
    node = target.node
    return (
        node.pos == "PROPN"
        and node.relation in {*SUBJECTS, "obj"}
        and not node.text.isupper()
        and not tree.children(node, "case")
    )


def _one(text: str, target: Argument, kind: str) -> QuantityExpression:
    """Return the count of one person who has no number: "le suspect a été tué"."""
    return QuantityExpression(
        start=target.start,
        end=target.end,
        text=text[target.start : target.end],
        kind=kind,
        value=1,
        upper=None,
        op="=",
        unit=None,
        noun_start=target.node.start,
        noun_end=target.node.end,
    )
