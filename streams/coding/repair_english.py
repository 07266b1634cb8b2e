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
    rooted = False
    for node in nodes:
        rooted |= _compound_adjective(node, nodes)
        _subject_of_auxiliary(node, nodes)
        _gerund_after_adjective(node, nodes)
    _one_subject(nodes)
    if rooted:
        _verb_of_sentence(nodes)


def _compound_adjective(node: Node, nodes: list[Node]) -> bool:
    """Read a hyphenated word before its noun as an adjective, not as the verb ("blamed Peru-based groups").

    Returns:
        True if it was taken for the verb of the sentence, which has none now.
    """
    noun = nodes[node.index + 1] if node.index + 1 < len(nodes) else node
    if "-" not in node.text or node.pos not in {"VERB", "NOUN"} or noun.pos not in {"NOUN", "PROPN"}:
        return False
    if noun.head != node.index or noun.relation not in {"obj", "nsubj", "dep"} or noun is node:
        return False
    root = node.head == node.index
    noun.head = noun.index if node.head == node.index else node.head
    noun.relation = {"ccomp": "obj", "xcomp": "obj", "advcl": "obl:arg"}.get(node.relation, node.relation)
    node.pos, node.relation, node.head = "ADJ", "amod", noun.index
    for other in nodes:
        if other.head == node.index and other.index not in {node.index, noun.index}:
            other.head = noun.index
    return root


def _verb_of_sentence(nodes: list[Node]) -> None:
    """Find the verb of a full sentence that was read as a noun with a participle ("Youths clashed with police.").

    A participle with an agent is left alone: it is a headline or a passive.
    """
    root = next((n for n in nodes if n.head == n.index and n.pos in {"NOUN", "PROPN"}), None)
    if (
        root is None
        or not nodes
        or nodes[-1].text != "."
        or any(n.relation in _SUBJECTS and n.head == root.index for n in nodes)
    ):
        return
    below = [n for n in nodes if n.head == root.index and n.index > root.index]
    verb = next((n for n in below if n.relation == "acl" and n.pos == "VERB" and n.folded.endswith("ed")), None)
    if verb is None or any(n.head == verb.index and n.relation in {"obl:agent", "aux:pass"} for n in nodes):
        return
    if not any(n.head == verb.index and n.relation in {"obl:arg", "obj", "xcomp", "ccomp"} for n in nodes):
        return
    verb.relation, verb.head = "root", verb.index
    verb.morph = frozenset({"Tense=Past", "VerbForm=Fin"})
    root.relation, root.head = "nsubj", verb.index
    for node in below:
        if node.index > verb.index:
            node.head = verb.index


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
