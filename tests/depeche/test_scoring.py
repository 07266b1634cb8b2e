"""The figures: what matches what, what counts, and that they equal those of the evaluation scorer."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depeche.gold import GoldEvent, read_gold
from depeche.scoring import Figures, NamedParty, Prediction, judged_slots, match, overlap, prediction_of
from streams.coding.coder import load_coder
from streams.coding.formats import to_score_rows

SHARED = Path(os.environ.get("DEPECHE_SHARED", Path(__file__).parents[2].parent / "shared"))


def event(**more: Any) -> GoldEvent:
    values: dict[str, Any] = {"article": "a", "start": 0, "end": 100, "plover": "ASSAULT", "modality": "asserted"}
    return GoldEvent.model_validate(values | more)


def party(text: str, *codes: str) -> NamedParty:
    return NamedParty(text, frozenset(codes))


def test_a_mention_matches_where_half_of_the_shorter_evidence_is_covered() -> None:
    gold = [event()]
    assert match([Prediction(50, 150, "ASSAULT")], gold) == {0: 0}
    assert match([Prediction(51, 151, "ASSAULT")], gold) == {}
    assert match([Prediction(90, 100, "ASSAULT")], gold) == {0: 0}
    assert match([Prediction(0, 100, "COERCE")], gold) == {}
    assert match([Prediction(0, 100, "COERCE")], [event(alt_plover=["COERCE"])]) == {0: 0}


@pytest.mark.parametrize(
    "better",
    [
        {"type": "ASSAULT", "modality": "denied"},
        {"actors": (party("x", "FRA"),), "type": "ASSAULT", "modality": "denied"},
    ],
)
def test_the_best_pair_goes_first(better: dict[str, Any]) -> None:
    gold = [event(actor=[{"text": "Paris", "iso3": "FRA"}], alt_plover=["COERCE"])]
    worse = Prediction(0, 100, "COERCE", actors=(party("x", "FRA"),))
    assert match([worse, Prediction(0, 100, **better)], gold) == {1: 0}


def test_core_events_are_matched_before_optional_ones() -> None:
    assert match([Prediction(0, 100, "ASSAULT")], [event(core=0), event()]) == {0: 1}


def test_parties_agree_by_code_and_by_word_only_without_any_code() -> None:
    coded = event(actor=[{"text": "l'armée", "iso3": "FRA"}])
    assert judged_slots(coded, Prediction(0, 9, "ASSAULT", actors=(party("l'armée"),)))["actor"] is False
    assert judged_slots(coded, Prediction(0, 9, "ASSAULT", actors=(party("x", "FRA"),)))["actor"] is True
    bare = event(actor=[{"text": "des Émeutiers"}])
    assert judged_slots(bare, Prediction(0, 9, "ASSAULT", actors=(party("les emeutiers", "FRA"),)))["actor"] is True
    assert judged_slots(bare, Prediction(0, 9, "ASSAULT", actors=(party("des civils"),)))["actor"] is True  # "des"


def test_slots_are_judged_only_where_the_gold_has_them() -> None:
    assert set(judged_slots(event(), Prediction(0, 9, "ASSAULT"))) == {"modality"}
    full = event(
        target=[{"text": "une base"}],
        place={"name": "Gao", "text": "Gao", "iso2": "ML"},
        date={"iso": "2024-03"},
        quantity=[{"kind": "dead", "value": 3}, {"kind": "injured", "value": None}],
    )
    found = Prediction(
        0, 9, "ASSAULT", place=("Gao Gao", "ML"), date="2024-03-05", quantities=frozenset({("dead", 3.0)}),
        modality="reported",
    )  # fmt: skip
    assert judged_slots(full, found) == {
        "target": False,
        "place_country": True,
        "place_name": True,
        "date": True,
        "quantity": True,
        "modality": True,
    }
    empty = judged_slots(full, Prediction(0, 9, "ASSAULT", modality="planned"))
    assert not any(empty.values())


def test_optional_events_count_neither_for_nor_against() -> None:
    figures = Figures()
    figures.add([Prediction(0, 100, "ASSAULT")], [event(core=0), event(start=200, end=300, core=0)])
    assert (figures.event.hits, figures.event.wrong, figures.event.missed) == (0, 0, 0)
    assert figures.optional_hits == 1
    assert figures.macro_f1 == 0


def test_no_article_gives_no_figures_and_no_crash() -> None:
    told = Figures().as_json()
    assert told["event"]["f1"] == 0
    assert told["slots"]["actor"]["accuracy"] is None


def test_overlap_of_empty_spans_is_nothing() -> None:
    assert overlap((5, 5), (0, 10)) == 0


# ---- equal to the scorer ----


@lru_cache(maxsize=1)
def scorer() -> ModuleType:
    path = SHARED / "eval" / "score_events.py"
    if not path.is_file():
        pytest.skip(f"no evaluation scorer in {SHARED}: set DEPECHE_SHARED")
    spec = importlib.util.spec_from_file_location("score_events", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_row(article: str, one: Prediction) -> dict[str, Any]:
    def side(parties: Sequence[NamedParty]) -> list[dict[str, Any]]:
        return [{"text": p.text, "country": "+".join(sorted(p.codes)) or None, "org": None} for p in parties]

    return {
        "article": article,
        "start": one.start,
        "end": one.end,
        "type": one.type,
        "actors": side(one.actors),
        "targets": side(one.targets),
        "place": None if one.place is None else {"name": one.place[0], "country": one.place[1]},
        "date": one.date,
        "modality": one.modality,
        "quantities": [{"kind": kind, "value": value} for kind, value in one.quantities],
    }


_TYPES = st.sampled_from(["ASSAULT", "COERCE", "PROTEST"])
_WORDS = st.sampled_from(["Paris", "l'armée", "Gao", "été", "des rebelles"])
_CODES = st.sampled_from(["FRA", "MLI", "UNO/WHO", "FRA+MLI", None])
_SPANS = st.tuples(st.integers(0, 40), st.integers(1, 30)).map(lambda s: (s[0], s[0] + s[1]))
_DAYS = st.sampled_from(["2024", "2024-03", "2024-03-05", "2023-01-01", None])
_MODALITIES = st.sampled_from(["asserted", "reported", "planned", "denied"])
_COUNTS = st.tuples(st.sampled_from(["dead", "troops"]), st.sampled_from([1.0, 2.0, None]))
_COUNTRIES = st.sampled_from(["FR", "ML", None])
_ARTICLES = st.sampled_from(["a", "b"])


@st.composite
def _gold_events(draw: st.DrawFn) -> dict[str, Any]:
    start, end = draw(_SPANS)
    parties = st.lists(st.fixed_dictionaries({"text": _WORDS, "iso3": _CODES}), max_size=2)
    place = st.none() | st.fixed_dictionaries({"text": _WORDS, "name": _WORDS | st.none(), "iso2": _COUNTRIES})
    return {
        "article": draw(_ARTICLES),
        "start": start,
        "end": end,
        "plover": draw(_TYPES),
        "alt_plover": draw(st.none() | st.lists(_TYPES, max_size=2)),
        "core": draw(st.sampled_from([0, 1])),
        "actor": draw(parties),
        "target": draw(parties),
        "place": draw(place),
        "date": draw(st.none() | st.fixed_dictionaries({"iso": _DAYS})),
        "modality": draw(_MODALITIES),
        "quantity": [{"kind": k, "value": v} for k, v in draw(st.lists(_COUNTS, max_size=2))],
    }


@st.composite
def _predictions(draw: st.DrawFn) -> tuple[str, Prediction]:
    start, end = draw(_SPANS)

    def side() -> tuple[NamedParty, ...]:
        pairs = draw(st.lists(st.tuples(_WORDS, st.sampled_from(["FRA", "MLI", "WHO", ""])), max_size=2))
        return tuple(party(text, *([code] if code else [])) for text, code in pairs)

    return draw(_ARTICLES), Prediction(
        start,
        end,
        draw(_TYPES),
        side(),
        side(),
        draw(st.none() | st.tuples(_WORDS, _COUNTRIES)),
        draw(_DAYS),
        draw(_MODALITIES),
        frozenset(draw(st.lists(_COUNTS, max_size=2))),
    )


def _figures(events: Sequence[dict[str, Any]], predicted: Sequence[tuple[str, Prediction]]) -> dict[str, Any]:
    figures = Figures()
    for article in ("a", "b"):
        coded = [GoldEvent.model_validate(e) for e in events if e["article"] == article]
        figures.add([one for name, one in predicted if name == article], coded)
    return figures.as_json()


@pytest.mark.shared
@settings(max_examples=300, deadline=None)
@given(st.lists(_gold_events(), max_size=6), st.lists(_predictions(), max_size=6))
def test_figures_equal_the_scorers_on_any_events(
    events: list[dict[str, Any]], predicted: list[tuple[str, Prediction]]
) -> None:
    rows = [as_row(article, one) for article, one in predicted]
    document = {"articles": [{"id": "a"}, {"id": "b"}], "events": [e | {"trigger": None} for e in events]}
    expected, _ = scorer().score(document, rows)
    assert _figures(events, predicted) == expected


@pytest.mark.shared
@pytest.mark.parametrize(("name", "texts"), [("gold-seeds.json", "seeds"), ("gold-dev-fr.json", None)])
def test_figures_of_the_coder_equal_the_scorers(name: str, texts: str | None) -> None:
    scorer()
    path, coder = SHARED / "eval" / name, load_coder(("fr",))
    if not path.is_file():
        pytest.skip(f"no {name} in {SHARED}: set DEPECHE_SHARED")
    figures, rows = Figures(), []
    for gold in read_gold(path, SHARED / texts if texts else None):
        [coding] = coder.code([gold.article])
        figures.add([prediction_of(m) for m in coding.mentions], gold.events)
        rows += to_score_rows(gold.id, coding.mentions)
    expected, _ = scorer().score(json.loads(path.read_text(encoding="utf-8")), rows)
    # One by one: a difference must not print the whole.
    assert all(figures.as_json()[key] == expected[key] for key in expected)
