"""Training: what is read off hand-coded sentences of our own, what is fitted to it, and what is written."""

from __future__ import annotations

import json
import random
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from bench import training
from bench.training import (
    LEAST_PROBABILITIES,
    Material,
    chosen_right,
    collect,
    cross_validated,
    fit_sides,
    fit_words,
    folds_of,
    recognition,
    write,
)
from bench.training_material import LEXICON, OPTIONAL, MaterialReader, SideExample, WordExample
from depeche.gold import GoldArticle, read_gold
from streams.coding import linear_model
from streams.coding.linear_model import read_model, write_model
from streams.coding.recognition import NONE

#: Sentence, trigger, type, actor, target: hand-coded for these tests.
_CODED = (
    ("La police a arrêté trente opposants à Kazan.", "arrêté", "COERCE", "La police", "opposants"),
    ("Moscou accuse Kiev de préparer une offensive.", "accuse", "ACCUSE", "Moscou", "Kiev"),
    ("Des rebelles ont tué douze soldats près de Goma.", "tué", "ASSAULT", "rebelles", "soldats"),
)
_UNCODED = "Le comité a arrêté la date du concert de samedi."


def _event(number: int, coded: tuple[str, str, str, str, str], **more: Any) -> dict[str, Any]:
    text, trigger, plover, actor, target = coded
    return {
        "id": f"e{number}",
        "article": f"a{number}",
        "start": 0,
        "end": len(text),
        "sentence": text,
        "trigger": trigger,
        "plover": plover,
        "actor": [{"text": actor}],
        "target": [{"text": target}],
        "modality": "asserted",
        **more,
    }


def _gold(folder: Path, events: list[dict[str, Any]], texts: list[str], name: str = "gold.json") -> Path:
    articles = [{"id": f"a{i}", "date": "2024-03-14", "text": text} for i, text in enumerate(texts)]
    path = folder / name
    path.write_text(json.dumps({"articles": articles, "events": events}), encoding="utf-8")
    return path


@lru_cache(maxsize=1)
def _reader() -> MaterialReader:
    return MaterialReader()


def _coded(folder: Path) -> list[GoldArticle]:
    events = [_event(i, coded) for i, coded in enumerate(_CODED)]
    return read_gold(_gold(folder, events, [*(coded[0] for coded in _CODED), _UNCODED]))


def _one(folder: Path, text: str, **changed: Any) -> tuple[list[WordExample], list[SideExample]]:
    event = _event(0, _CODED[0]) | changed
    [gold] = read_gold(_gold(folder, [event], [text]))
    return _reader().read(gold)


def _has(example: WordExample, feature: str) -> bool:
    return feature in example.features


def test_the_word_of_an_event_is_an_example_of_its_type_and_all_others_of_none(tmp_path: Path) -> None:
    for gold, (_, _, plover, _, _) in zip(_coded(tmp_path), _CODED, strict=False):
        words, _ = _reader().read(gold)
        told = [w for w in words if NONE not in w.answers]
        assert [w.answers for w in told] == [frozenset({plover})]
        assert all(w.article == gold.id for w in words)
        assert len(words) > 1


def test_an_article_without_events_gives_words_that_tell_nothing(tmp_path: Path) -> None:
    words, sides = _reader().read(_coded(tmp_path)[-1])
    assert words
    assert {w.answers for w in words} == {frozenset({NONE})}
    assert sides == []


def test_another_accepted_type_is_an_answer_too_and_an_optional_event_counts_less(tmp_path: Path) -> None:
    words, sides = _one(tmp_path, _CODED[0][0], core=False, alt_plover=["ASSAULT"])
    [told] = [w for w in words if NONE not in w.answers]
    assert told.answers == {"COERCE", "ASSAULT"}
    assert told.weight == OPTIONAL
    assert not any(side.core for side in sides)


def test_the_right_candidates_of_both_sides_are_marked(tmp_path: Path) -> None:
    _, sides = _one(tmp_path, _CODED[0][0])
    assert [s.side for s in sides] == ["actor", "target"]
    for side, lemma in zip(sides, ("lemma=police", "lemma=opposant"), strict=True):
        assert not side.right[0]
        right = [option for option, is_right in zip(side.options, side.right, strict=True) if is_right]
        assert all(lemma in option for option in right)
        assert right


def test_where_nobody_is_coded_nobody_is_right(tmp_path: Path) -> None:
    _, sides = _one(tmp_path, _CODED[0][0], actor=None)
    [actor] = [s for s in sides if s.side == "actor"]
    assert actor.right[0]
    assert not any(actor.right[1:])


def test_a_party_that_no_candidate_names_teaches_nothing(tmp_path: Path) -> None:
    _, sides = _one(tmp_path, _CODED[0][0], target=[{"text": "les extraterrestres"}])
    assert [s.side for s in sides] == ["actor"]


def test_examples_hold_no_sentence(tmp_path: Path) -> None:
    words, sides = _one(tmp_path, _CODED[0][0])
    features = {f for w in words for f in w.features} | {f for s in sides for o in s.options for f in o}
    assert not any(len(f.split()) > 6 or "trente opposants" in f for f in features)


def _word(article: str, answer: str, *features: str, weight: float = 1.0) -> WordExample:
    return WordExample(article, features, frozenset({answer}), weight)


def _words() -> list[WordExample]:
    out = []
    for i in range(30):
        article = f"a{i % 10}"
        out += [
            _word(article, "ASSAULT", "lemma=attaquer", "kind=verb"),
            _word(article, "COERCE", "lemma=arreter", "object is PERSON", "kind=verb"),
            _word(article, NONE, "lemma=arreter", "object is THING", "kind=verb"),
            _word(article, NONE, "lemma=pomme", "kind=noun"),
        ]
    return out


def _side(article: str, *right: bool, core: bool = True) -> SideExample:
    options = (("none",), ("role=subject", "acts=True"), ("role=object", "acts=True"))
    return SideExample(article, "actor", options, right, core)


def test_weights_point_the_right_way() -> None:
    model = fit_words(_words())
    assert model.classes == (NONE, "ASSAULT", "COERCE")
    for features, answer in (
        (("lemma=attaquer",), "ASSAULT"),
        (("lemma=arreter", "object is PERSON"), "COERCE"),
        (("lemma=arreter", "object is THING"), NONE),
        (("lemma=pomme", "kind=noun"), NONE),
    ):
        found = model.probabilities(features)
        assert model.classes[found.index(max(found))] == answer


def test_of_several_accepted_types_their_sum_is_fitted() -> None:
    either = frozenset({"ASSAULT", "COERCE"})
    examples = [WordExample("a", ("lemma=charger",), either, 1.0) for _ in range(40)]
    examples += [_word("a", NONE, "lemma=pomme") for _ in range(40)] + [_word("a", "COERCE", "lemma=x")] * 5
    found = fit_words([*examples, *[_word("a", "ASSAULT", "lemma=y")] * 5]).probabilities(["lemma=charger"])
    assert found[1] + found[2] > 0.8
    assert found[1] == pytest.approx(found[2], abs=0.05)


def test_an_example_of_less_weight_moves_less() -> None:
    def pull(weight: float) -> float:
        examples = [*_words(), *[_word("b", "ASSAULT", "lemma=rare", weight=weight) for _ in range(10)]]
        return fit_words(examples).probabilities(["lemma=rare"])[1]

    assert pull(0.1) < pull(1.0)


def test_what_is_seen_too_seldom_has_no_weight() -> None:
    model = fit_words([*_words(), _word("b", "ASSAULT", "lemma=unique")])
    assert not model.knows("lemma=unique")
    assert model.knows("lemma=attaquer")


def test_sides_learn_who_is_right() -> None:
    model = fit_sides([_side(f"a{i}", False, True, False) for i in range(20)], "actor")
    assert model.classes == ("actor",)
    subject, other, nobody = (model.scores([f])[0] for f in ("role=subject", "role=object", "none"))
    assert subject > other
    assert subject > nobody


def test_any_of_several_right_candidates_will_do() -> None:
    model = fit_sides([_side(f"a{i}", False, True, True) for i in range(20)], "actor")
    subject, other, nobody = (model.scores([f])[0] for f in ("role=subject", "role=object", "none"))
    assert subject == pytest.approx(other, abs=0.05)
    assert subject + model.scores(["acts=True"])[0] > nobody


def test_the_other_side_s_examples_teach_nothing() -> None:
    actors = [_side(f"a{i}", False, True, False) for i in range(20)]
    targets = [SideExample(e.article, "target", e.options, (True, False, False), True) for e in actors]
    assert fit_sides([*actors, *targets], "actor") == fit_sides(actors, "actor")


def test_the_same_material_gives_the_same_bytes_and_they_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fit_words(_words())
    assert write_model(model, "s") == write_model(fit_words(_words()), "s")
    (tmp_path / "m.tsv.gz").write_bytes(write_model(model, "s"))
    monkeypatch.setattr(linear_model, "data_root", lambda: tmp_path)
    assert read_model("m.tsv.gz") == model


def test_folds_hold_whole_articles_each_once_in_any_order() -> None:
    articles = [f"a{i}" for i in range(23)]
    folds = folds_of(articles)
    assert sorted(a for fold in folds for a in fold) == sorted(articles)
    assert max(map(len, folds)) - min(map(len, folds)) <= 1
    shuffled = articles[:]
    random.Random(4).shuffle(shuffled)
    assert folds_of(shuffled) == folds


def test_the_material_of_some_articles_is_theirs_alone() -> None:
    lexicon = _word(LEXICON, "ASSAULT", "lemma=attaquer")
    sides = (_side("a1", False, True, False), _side("a2", True, False, False))
    material = Material(("a1", "a2"), (_word("a1", NONE, "x"), _word("a2", NONE, "y"), lexicon), sides)
    some = material.of(frozenset({"a2"}))
    assert some.articles == ("a2",)
    assert {w.article for w in some.words} == {"a2"}
    assert {s.article for s in some.sides} == {"a2"}
    assert lexicon in material.of(frozenset({"a2"}), with_lexicon=True).words


def test_each_fit_is_measured_on_articles_that_it_has_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    words = _words()
    articles = tuple(sorted({w.article for w in words}))
    material = Material(articles, tuple(words), tuple(_side(a, False, True, False) for a in articles))
    seen: list[set[str]] = []
    fit = training.fit_words

    def taken_down(examples: list[WordExample]) -> Any:
        seen.append({e.article for e in examples})
        return fit(examples)

    monkeypatch.setattr(training, "fit_words", taken_down)
    lines = cross_validated(material)
    assert [set(articles) - some for some in seen] == [set(fold) for fold in folds_of(articles)]
    assert lines[0].startswith("10 articles")
    assert any(line.startswith("words, at least 0.5: precision 1.000, recall 1.000") for line in lines)


def test_a_word_taken_for_another_type_is_both_wrong_and_missed() -> None:
    model = fit_words(_words())
    wrong = _word("b", "COERCE", "lemma=attaquer")
    optional = _word("b", "ASSAULT", "lemma=attaquer", weight=OPTIONAL)
    counts = recognition(model, [wrong, optional])
    assert set(counts) == set(LEAST_PROBABILITIES)
    assert counts[0.5] == (0, 1, 1)


def test_choices_are_counted_for_acts_with_and_without_somebody() -> None:
    examples = [_side(f"a{i}", False, True, False) for i in range(20)]
    model = fit_sides(examples, "actor")
    nobody = _side("b", True, False, False)
    assert chosen_right(model, [examples[0], nobody, _side("b", True, False, False, core=False)], 1.0) == (1, 1, 1, 1)


def test_an_article_coded_in_two_files_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class _Nothing:
        entries = ()

    monkeypatch.setattr(training, "load_lexicon", lambda _: _Nothing())
    monkeypatch.setattr(training, "MaterialReader", lambda _: _reader())
    event = _event(0, _CODED[0])
    first = _gold(tmp_path, [event], [_CODED[0][0]])
    second = _gold(tmp_path, [event], [_CODED[0][0]], "again.json")
    assert collect([first], "fr").articles == ("a0",)
    with pytest.raises(ValueError, match=r"again\.json: article a0 is coded twice"):
        collect([first, second], "fr")


def test_what_is_written_is_read_as_the_three_models_of_a_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actors = [_side(f"a{i}", False, True, False) for i in range(10)]
    targets = [SideExample(e.article, "target", e.options, e.right, True) for e in actors]
    material = Material(tuple(e.article for e in actors), tuple(_words()), (*actors, *targets))
    write(material, "xx", tmp_path)
    monkeypatch.setattr(linear_model, "data_root", lambda: tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"xx-{n}.tsv.gz" for n in ("actors", "targets", "triggers")]
    assert read_model("xx-triggers.tsv.gz") == fit_words(_words())
    assert read_model("xx-targets.tsv.gz").classes == ("target",)
