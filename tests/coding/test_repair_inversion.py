"""Subjects behind their verb: "a-t-il déclaré"."""

from __future__ import annotations

from streams.coding.repair_inversion import subjects_behind
from streams.coding.tree import Node


def _nodes(*words: tuple[str, str, str, int]) -> list[Node]:
    """Return nodes of text, part of speech, relation and head."""
    return [
        Node(i, text, 0, 0, pos, relation, head, frozenset(), text.lower(), frozenset({text.lower()}), text.lower())
        for i, (text, pos, relation, head) in enumerate(words)
    ]


def test_the_pronoun_and_not_the_t_between_is_the_subject() -> None:
    nodes = _nodes(
        ("Athènes", "PROPN", "nsubj", 2), ("a", "AUX", "aux:tense", 2), ("menti", "VERB", "ROOT", 2),
        (",", "PUNCT", "punct", 7), ("a", "AUX", "aux:tense", 7), ("-t", "PRON", "nsubj", 7),
        ("-il", "PRON", "flat:name", 5), ("dit", "VERB", "conj", 2),
    )  # fmt: skip
    subjects_behind(nodes)
    assert (nodes[6].relation, nodes[6].head) == ("nsubj", 7)
    assert (nodes[5].relation, nodes[5].head) == ("dep", 4)
    assert nodes[7].relation == "parataxis"
    assert (nodes[0].relation, nodes[0].head) == ("nsubj", 2)


def test_a_question_keeps_the_subject_before_its_verb() -> None:
    nodes = _nodes(
        ("Le", "DET", "det", 1), ("ministre", "NOUN", "nsubj", 5), ("a", "AUX", "aux:tense", 5),
        ("-t", "PRON", "dep", 2), ("-il", "PRON", "nsubj", 5), ("menti", "VERB", "ROOT", 5),
    )  # fmt: skip
    subjects_behind(nodes)
    assert nodes[1].relation == "nsubj"
    assert nodes[4].relation == "expl:subj"


def test_only_subject_pronouns_behind_a_verb_are_touched() -> None:
    nodes = _nodes(("rendez", "VERB", "ROOT", 0), ("-vous", "PRON", "obj", 0), ("là", "ADV", "advmod", 0))
    subjects_behind(nodes)
    assert nodes[1].relation == "nsubj"
    others = _nodes(("cessez", "NOUN", "ROOT", 0), ("-le", "PRON", "obj", 0))
    subjects_behind(others)
    assert others[1].relation == "obj"
