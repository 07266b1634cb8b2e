"""The confidence: bounded, explained, higher for plain facts than for doubtful ones; the weights file is sound."""

from __future__ import annotations

import pytest

from schemas.mention import Mention
from streams.coding import confidence as confidence_module
from streams.coding.coder import Coder, load_coder
from streams.coding.confidence import Formula, confidence, formula
from streams.coding.quotations import quoted_spans
from tests.coding.articles import article

_PLAIN = "L'armée turque a bombardé mardi un village du nord de la Syrie."
_DOUBTFUL = "« Si l'armée turque bombardait un village de la Syrie, tout changerait », estime un voisin."


@pytest.fixture(scope="module")
def coder() -> Coder:
    return load_coder(["fr"])


def _assault(coder: Coder, text: str) -> Mention:
    return next(m for m in coder.code([article(text)])[0].mentions if m.type == "ASSAULT")


def test_an_asserted_act_is_trusted_more_than_a_supposed_one(coder: Coder) -> None:
    assert _assault(coder, _PLAIN).confidence > _assault(coder, _DOUBTFUL).confidence


def test_the_reason_names_the_strongest_feature_first() -> None:
    by = Formula({"base": 0.5, "place": 0.2, "quoted": -1.0, "unused": 3.0}, 0.0)
    value, why = confidence({"place": 1.0, "quoted": 1.0, "unknown": 1.0}, by)
    assert value == pytest.approx(0.426, abs=0.001)
    assert why == "logistic of base +0.50; quoted -1.00, place +0.20"


def test_features_are_bounded_and_weighted(coder: Coder) -> None:
    known = formula(recognised=True).weights
    for weighed in coder.weigh(article(_PLAIN + " " + _DOUBTFUL)):
        assert all(0 < value <= 1 for value in weighed.features.values())
        assert any(name in known for name in weighed.features)


def test_doubtful_mentions_are_left_out_and_counted(coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = coder.code([article(_PLAIN)])[0]
    assert everything.doubtful == 0
    weights = formula(recognised=True).weights
    monkeypatch.setattr(confidence_module, "formula", lambda *, recognised: Formula(weights, 1.1 + recognised))
    nothing = coder.code([article(_PLAIN)])[0]
    assert (nothing.outcome, nothing.mentions, nothing.doubtful) == ("no_event", (), len(everything.mentions))


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('Il dit "oui" et part.', ["oui"]),
        ("Il dit « oui » et « non ».", [" oui ", " non "]),
        ('Il dit "oui et part.\nElle "reste" là.', ["reste"]),
        ("Rien » ici « là", []),
        ("", []),
    ],
)
def test_quotes_close_with_their_paragraph_at_the_latest(text: str, quoted: list[str]) -> None:
    assert [text[start + 1 : end] for start, end in quoted_spans(text)] == quoted


def test_casualties_of_nobody_in_a_longer_text_are_no_assault(coder: Coder) -> None:
    weather = "La tempête a touché la côte. Le vent soufflait fort. Des toits ont été arrachés. Une route est coupée. "
    text = weather + "Deux personnes ont été tuées et sept blessées. Les pompiers restent sur place."
    assert not [m for m in coder.code([article(text)])[0].mentions if m.type == "ASSAULT"]
    attacked = text + " Un homme avait attaqué la veille un policier à Brest."
    assert len([m for m in coder.code([article(attacked)])[0].mentions if m.type == "ASSAULT"]) >= 2
