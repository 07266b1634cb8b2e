"""Where the English model goes wrong as a rule, set right: on relations already turned into Universal Dependencies.

Does not choose among readings of a sentence that are both possible.
"""

from __future__ import annotations

from streams.coding.tree import Node

_AUXILIARIES = frozenset({"aux:pass", "aux:tense", "cop"})
_NOMINAL_RELATIONS = frozenset({"nsubj", "nsubj:pass", "obj", "obl:arg", "nmod", "conj"})
_SUBJECTS = frozenset({"nsubj", "nsubj:pass"})


def repair_english(nodes: list[Node]) -> None:
    """Set right what the English model gets wrong as a rule; nodes are changed in place, children not yet filled."""
    for node in nodes:
        _subject_of_auxiliary(node, nodes)
        _gerund_after_adjective(node, nodes)
    _one_subject(nodes)


def _subject_of_auxiliary(node: Node, nodes: list[Node]) -> None:
    """Give a subject to the verb where it hangs on its auxiliary ("The ministry was sharply and openly criticised")."""
    above = nodes[node.head]
    if node.relation in _SUBJECTS and above.relation in _AUXILIARIES and above.head != above.index:
        node.head = above.head
        if above.relation == "aux:pass":
            node.relation = "nsubj:pass"


def _one_subject(nodes: list[Node]) -> None:
    """Keep the subject next to the verb where it was given two ("LIMA, May 3 (Agency) - Peru said", "Old foes X, Y").

    The other is a dateline or an apposition set before its name.
    """
    nearest: dict[int, Node] = {}
    for node in nodes:
        if node.relation in _SUBJECTS and node.index < node.head:
            before = nearest.get(node.head)
            if before is not None:
                before.relation = "dep"
            nearest[node.head] = node


def _gerund_after_adjective(node: Node, nodes: list[Node]) -> None:
    """Read "Heavy shelling by rebels" as a noun with its adjective, where the adjective was taken for the noun."""
    before = nodes[node.index - 1] if node.index else node
    if not (node.pos == "VERB" and node.folded.endswith("ing") and node.relation == "acl"):
        return
    if before.pos != "ADJ" or node.head != before.index or before.relation not in _NOMINAL_RELATIONS:
        return
    node.pos, node.relation, node.head = "NOUN", before.relation, before.head
    before.relation, before.head = "amod", node.index
    for other in nodes:
        if other.head == before.index and other.index != before.index:
            other.head = node.index
