from __future__ import annotations

from itertools import permutations

import pytest

from depeche.replay.comparing import SLOTS, changes, pair
from schemas.mention import ActDate, Attribution, Evidence, Mention, Party, Place, Quantity, Span
from tests.depeche.samples import article, mention

ARTICLE = article(text="Paris a envoyé deux cents soldats au Mali. Berlin proteste. Rome approuve le départ.")


def told(number: int, *, start: int = 0, trigger: int = 8, **changes: object) -> Mention:
    """Return a mention whose sentence starts at `start`, with its trigger at `trigger`."""
    evidence = Evidence(text=ARTICLE.text[start : start + 20], start=start, end=start + 20, sentence=0)
    word = Span(text=ARTICLE.text[trigger : trigger + 3], start=trigger, end=trigger + 3)
    return mention(ARTICLE, mention_id=f"m{number}", evidence=evidence, trigger=word, **changes)


def ids(pairs: object) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    both, lost, gained = pairs.both, pairs.lost, pairs.gained  # type: ignore[attr-defined]
    return (
        [(one.mention_id, other.mention_id) for one, other in both],
        [one.mention_id for one in lost],
        [one.mention_id for one in gained],
    )


def test_nothing_beside_nothing_is_nothing() -> None:
    assert ids(pair([], [])) == ([], [], [])


def test_mentions_of_one_side_are_lost_or_gained() -> None:
    assert ids(pair([told(1)], [])) == ([], ["m1"], [])
    assert ids(pair([], [told(1)])) == ([], [], ["m1"])
    assert ids(pair([told(1, start=0)], [told(2, start=40, trigger=44)])) == ([], ["m1"], ["m2"])


def test_the_id_comes_first_then_sentence_trigger_and_type() -> None:
    left = [told(1, trigger=3), told(2, trigger=8)]
    right = [told(2, trigger=3), told(3, trigger=8)]
    assert ids(pair(left, right)) == ([("m1", "m3"), ("m2", "m2")], [], [])
    same_trigger = [told(4, type="PROTEST"), told(5, type="ASSAULT")]
    assert ids(pair(same_trigger, [told(6, type="ASSAULT"), told(7, type="PROTEST")]))[0] == [
        ("m4", "m7"),
        ("m5", "m6"),
    ]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (told(1, type="PROTEST"), told(2, type="ASSAULT")),  # the type changed
        (told(1, trigger=3), told(2, trigger=8)),  # another word carries the act
        (told(1, start=0, trigger=8), told(2, start=5, trigger=8)),  # the sentence was cut otherwise
        (told(1), told(2, actors=())),  # another party, and so another id
    ],
)
def test_an_act_is_found_again_though_its_id_is_another(left: Mention, right: Mention) -> None:
    assert ids(pair([left], [right])) == ([("m1", "m2")], [], [])


def test_another_type_at_another_word_is_another_act() -> None:
    assert ids(pair([told(1, trigger=3, type="PROTEST")], [told(2, trigger=8, type="ASSAULT")])) == ([], ["m1"], ["m2"])


def test_each_is_matched_once_and_the_order_does_not_matter() -> None:
    left = [told(1), told(2, type="PROTEST"), told(3, trigger=12)]
    right = [told(4), told(5, type="AID"), told(6, start=40, trigger=44)]
    expected = ids(pair(left, right))
    matched = [name for two in expected[0] for name in two]
    assert sorted([*matched, *expected[1], *expected[2]]) == ["m1", "m2", "m3", "m4", "m5", "m6"]
    for lefts in permutations(left):
        for rights in permutations(right):
            assert ids(pair(lefts, rights)) == expected


PARTY = Party(text="Paris", name="France", country="FRA", how="capital")


@pytest.mark.parametrize(
    ("slot", "before", "after"),
    [
        ("type", {"type": "PROTEST"}, {"type": "ASSAULT"}),
        ("mode", {"mode": None}, {"mode": "strike"}),
        ("context", {"context": ()}, {"context": ("military",)}),
        ("cameo", {"cameo": "154"}, {"cameo": None}),
        ("scores", {"goldstein": None}, {"goldstein": -7.2}),
        ("actors", {"actors": (PARTY,)}, {"actors": (PARTY.model_copy(update={"sector": "GOV"}),)}),
        ("actors", {"actors": (PARTY,)}, {"actors": (PARTY.model_copy(update={"text": "la capitale"}),)}),
        ("targets", {"targets": ()}, {"targets": (PARTY,)}),
        ("place", {"place": None}, {"place": Place(text="Mali", name="Mali", kind="country", score=1.0, how="h")}),
        ("date", {"date": None}, {"date": ActDate(text="mardi", how="no anchor")}),
        (
            "quantities",
            {"quantities": ()},
            {"quantities": (Quantity(kind="dead", value=2.0, op="=", text="deux", start=0, end=4),)},
        ),
        ("modality", {"modality": "asserted"}, {"modality": "denied"}),
        ("historical", {"historical": False}, {"historical": True}),
        ("attribution", {"attribution": None}, {"attribution": Attribution(text="selon l'armée")}),
        ("confidence", {"confidence": 0.5}, {"confidence": 0.52}),
        ("trigger", {"trigger": 8}, {"trigger": 9}),
        ("evidence", {"start": 0}, {"start": 1}),
        ("language", {"language": "fr"}, {"language": "en"}),
    ],
)
def test_each_slot_that_differs_is_named_with_both_values_and_reasons(
    slot: str, before: dict[str, object], after: dict[str, object]
) -> None:
    left, right = told(1, **before), told(2, **after)  # type: ignore[arg-type]
    found = changes(left, right, tolerance=0.005)
    assert [change.slot.name for change in found] == [slot]
    (change,) = found
    assert change.slot.shown(left) != change.slot.shown(right)
    plain = change.as_json()
    assert plain["left"] != plain["right"]
    assert plain["left_reason"] == plain["right_reason"] == "so the rule says"


def test_every_slot_of_a_mention_is_compared_or_names_the_article_the_ids_or_the_way() -> None:
    compared = {slot.name for slot in SLOTS} | {"quad_class", "goldstein", "plover_score"}
    ids_and_ways = {"schema_version", "kind", "mention_id", "event_id", "reasons", "coder"}
    of_the_article = {"article_id", "article_version", "source_id", "published", "fetched"}
    assert compared - {"scores"} == set(Mention.model_fields) - ids_and_ways - of_the_article


def test_another_way_to_the_same_value_is_no_change() -> None:
    place = Place(text="Mali", name="Mali", kind="country", score=1.0, how="only one")
    date = ActDate(text="mardi", value="2024-03-05", how="weekday")
    said = Attribution(text="Paris", party=PARTY)
    left = told(1, actors=(PARTY,), place=place, date=date, attribution=said)
    other = PARTY.model_copy(update={"how": "by another rule"})
    right = told(
        2,
        actors=(other,),
        place=place.model_copy(update={"how": "the nearest", "score": 0.4}),
        date=date.model_copy(update={"how": "by another rule"}),
        attribution=said.model_copy(update={"party": other}),
        reasons=left.reasons.model_copy(update={"actors": "by another rule"}),
    )
    assert changes(left, right, tolerance=0.005) == ()


def test_confidences_may_differ_by_the_tolerance() -> None:
    left, right = told(1, confidence=0.5), told(1, confidence=0.75)
    assert changes(left, right, tolerance=0.25) == ()
    assert [change.slot.name for change in changes(left, right, tolerance=0.24)] == ["confidence"]
