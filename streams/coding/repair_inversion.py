"""Subjects behind their verb in French: what the parser gets wrong about "a-t-il déclaré", set right in place.

The model takes the "-t-" for the subject, or the pronoun for part of its name, and hangs the clause of saying on the
quotation before it as one more thing that its subject did. Does not find out whom the pronoun means.
"""

from __future__ import annotations

from streams.coding.tree import Node

#: Subject pronouns behind a verb, as the tokenizer leaves them.
ENCLITICS = frozenset({"-il", "-elle", "-ils", "-elles", "-je", "-on", "-nous", "-vous", "-tu"})
_EUPHONIC = "-t"
_PAUSES = frozenset({",", '"', "»", "”", ";", "!", "?", ".", "…"})


def subjects_behind(nodes: list[Node]) -> None:
    """Make the pronoun of "a-t-il déclaré" the subject of "déclaré", and its clause a parenthesis after a quotation."""
    for node in nodes[1:]:
        if node.folded not in ENCLITICS:
            continue
        before = nodes[node.index - 1]
        host = nodes[before.index - 1] if before.folded == _EUPHONIC and before.index else before
        if host.pos not in {"VERB", "AUX"}:
            continue
        verb = nodes[host.head] if host.relation.startswith(("aux", "cop")) else host
        first = _first_of(nodes, host)
        pause = first == 0 or nodes[first - 1].text[-1:] in _PAUSES
        others = [n for n in nodes if n.head == verb.index and n.relation.startswith("nsubj") and n.index < host.index]
        if before is not host:
            before.relation, before.head = "dep", host.index
        for other in others:
            if pause and other is not before:
                other.relation = "dep"  # it belongs to the quotation
        own = [n for n in others if n is not before and not pause]
        node.pos, node.head = "PRON", verb.index
        node.relation = "expl:subj" if own else "nsubj"  # "le ministre a-t-il menti ?" has its subject before
        if pause and verb.relation in {"conj", "advcl", "acl", "ccomp"}:
            verb.relation = "parataxis"


def _first_of(nodes: list[Node], host: Node) -> int:
    """Return the index of the first pronoun or negation that clings to a verb ("s'est-il", "n'a-t-il")."""
    first = host.index
    while first and nodes[first - 1].folded in {"s'", "se", "n'", "ne", "l'", "m'", "nous", "y", "en", "lui", "leur"}:
        first -= 1
    return first
