"""Who an act's sides are: candidates listed for each act, and rankers of our own that choose among them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest

from schemas.mention import Mention
from streams.coding.actors import ActorResolution
from streams.coding.coder import Coder, load_coder
from streams.coding.learned import Learned
from streams.coding.linear_model import LinearModel
from streams.coding.matching import Match
from streams.coding.observation import Observer, Unmet
from streams.coding.parties import ResolvedParty
from streams.coding.party_candidates import Candidate, Candidates
from streams.coding.party_choice import Chosen, LinearPartyRanker
from streams.coding.roles import Filled
from tests.coding.articles import article, rules_coder

Choice = Callable[[Candidates], tuple[Chosen, Chosen]]

_NOBODY = Chosen(None, 0.5)


class _Ranker:
    """Chooses as it is told, and takes down the candidates that it is shown."""

    def __init__(self) -> None:
        self.seen: list[Candidates] = []
        self.choice: Choice = lambda _: (_NOBODY, _NOBODY)

    def choose(self, candidates: Candidates) -> tuple[Chosen, Chosen]:
        self.seen.append(candidates)
        return self.choice(candidates)


_RANKER = _Ranker()


@lru_cache(maxsize=1)
def _coder() -> Coder:
    return load_coder(("fr",), lambda _: Learned(None, _RANKER))


@lru_cache(maxsize=1)
def _by_rules() -> Coder:
    return rules_coder("fr")


def _code(text: str, choice: Choice = lambda _: (_NOBODY, _NOBODY)) -> tuple[list[Candidates], tuple[Mention, ...]]:
    _RANKER.seen, _RANKER.choice = [], choice
    [coding] = _coder().code([article(text)])
    return _RANKER.seen, coding.mentions


def _texts(candidates: Candidates) -> list[str]:
    return [c.parties[0].text for c in candidates.found]


def _of(candidates: Candidates, text: str) -> Candidate:
    return next(c for c in candidates.found if c.parties[0].text == text)


def _party(text: str, start: int) -> ResolvedParty:
    return ResolvedParty(
        text, start, start + len(text), ActorResolution(None, None, None, None, None, "x"), False, text
    )


def _candidate(text: str, start: int, *features: str) -> Candidate:
    return Candidate((_party(text, start),), features, "subject", ruled=False)


_SENTENCE = "Moscou accuse Kiev de mentir."


def _with(*found: Candidate) -> Candidates:
    [some], _ = _code(_SENTENCE)
    return Candidates(some.act, ("none",), found)


def _model(side: str, **weights: float) -> LinearModel:
    return LinearModel((side,), {name: ((0, weight),) for name, weight in weights.items()})


def test_the_likeliest_pair_is_taken() -> None:
    ranker = LinearPartyRanker(_model("actor", first=2.0), _model("target", second=2.0), nobody=1.0)
    one, other = _candidate("A", 0, "first"), _candidate("B", 10, "second")
    actor, target = ranker.choose(_with(other, one))
    assert (actor.candidate, target.candidate) == (one, other)
    assert 0.5 < actor.probability < 1.0


def test_one_party_is_never_both_sides() -> None:
    ranker = LinearPartyRanker(_model("actor", first=3.0), _model("target", first=2.0, second=1.0), nobody=0.01)
    one, other = _candidate("A", 0, "first"), _candidate("B", 10, "second")
    actor, target = ranker.choose(_with(one, other))
    assert (actor.candidate, target.candidate) == (one, other)


def test_two_mentions_of_one_name_are_two_parties() -> None:
    ranker = LinearPartyRanker(_model("actor", first=3.0), _model("target", second=3.0), nobody=0.01)
    one, again = _candidate("Paris", 0, "first"), _candidate("Paris", 20, "second")
    actor, target = ranker.choose(_with(one, again))
    assert (actor.candidate, target.candidate) == (one, again)


def test_nobody_is_taken_where_nobody_is_likelier() -> None:
    model, other = _model("actor", none=3.0), _model("target", none=3.0)
    actor, target = LinearPartyRanker(model, other, nobody=1.0).choose(_with(_candidate("A", 0)))
    assert (actor.candidate, target.candidate) == (None, None)


def test_a_doubtful_party_is_preferred_where_nobody_counts_little() -> None:
    model, other = _model("actor", none=1.0), _model("target", none=3.0)
    candidates = _with(_candidate("A", 0))
    assert LinearPartyRanker(model, other, nobody=1.0).choose(candidates)[0].candidate is None
    assert LinearPartyRanker(model, other, nobody=0.1).choose(candidates)[0].candidate == candidates.found[0]


def test_without_candidates_there_is_nobody() -> None:
    ranker = LinearPartyRanker(_model("actor"), _model("target"), nobody=0.3)
    assert ranker.choose(_with()) == (Chosen(None, 1.0), Chosen(None, 1.0))


def test_of_two_as_likely_the_first_is_taken_whatever_else_there_is() -> None:
    ranker = LinearPartyRanker(_model("actor", same=2.0), _model("target", none=5.0), nobody=0.3)
    many = [_candidate(str(i), i, "same") for i in range(50)]
    assert ranker.choose(_with(*many))[0].candidate == many[0]


def test_the_phrases_of_the_sentence_are_candidates_but_not_the_trigger() -> None:
    [candidates], _ = _code("Le ministre turc accuse les rebelles de mentir.")
    assert {"Le ministre turc", "les rebelles"} <= set(_texts(candidates))
    assert "accuse" not in _texts(candidates)
    subject = _of(candidates, "Le ministre turc")
    assert subject.ruled
    assert {"role=subject", "rules=actor"} <= set(subject.features)
    assert subject.parties[0].resolution.country == "TUR"


def test_earlier_acts_and_subjects_are_candidates_of_later_acts() -> None:
    seen, _ = _code("L'armée turque a bombardé Alep. Paris accuse Moscou. Une attaque a tué dix civils.")
    last = seen[-1]
    features = {f for c in last.found for f in c.features}
    assert "carried=last actor False" in features
    assert "carried=like actor" in features
    carried = next(c for c in last.found if "carried=last actor False" in c.features)
    assert carried.parties[0].text == "Paris"
    assert carried.parties[0].coreference
    assert not carried.ruled


def test_the_first_act_has_nothing_before_it() -> None:
    seen, _ = _code("Paris accuse Moscou. Berlin accuse Kiev.")
    assert not any(f.startswith(("carried=last", "carried=like")) for c in seen[0].found for f in c.features)
    assert any(f.startswith("carried=last actor True") for c in seen[1].found for f in c.features)


def test_nobody_has_features_that_tell_what_the_rules_found() -> None:
    [candidates], _ = _code(_SENTENCE)
    assert {"none", "none|ACCUSE", "none|rules True|True"} <= set(candidates.none)


def test_coordinated_parties_are_one_candidate() -> None:
    text = "La France et l'Allemagne ont condamné l'attaque contre Kiev."
    seen, mentions = _code(text, lambda c: (Chosen(_of(c, "La France"), 0.9), _NOBODY))
    assert [p.text for p in _of(seen[0], "La France").parties] == ["La France", "l'Allemagne"]
    assert [p.text for p in mentions[0].actors] == ["La France", "l'Allemagne"]


def test_a_choice_that_the_rules_share_keeps_their_reason() -> None:
    _, [mention] = _code(_SENTENCE, lambda c: (Chosen(_of(c, "Moscou"), 0.91), Chosen(_of(c, "Kiev"), 0.8)))
    assert [p.country for p in mention.actors] == ["RUS"]
    assert [p.country for p in mention.targets] == ["UKR"]
    assert mention.reasons.actors.endswith("; likeliest actor with 0.91")
    assert mention.reasons.targets.endswith("; likeliest target with 0.80")


def test_a_choice_against_the_rules_is_taken_and_told() -> None:
    _, [mention] = _code(_SENTENCE, lambda c: (Chosen(_of(c, "Kiev"), 0.6), Chosen(_of(c, "Moscou"), 0.7)))
    assert [p.country for p in mention.actors] == ["UKR"]
    assert [p.country for p in mention.targets] == ["RUS"]
    assert "likeliest actor with 0.60" in mention.reasons.actors


def test_nobody_chosen_leaves_the_side_empty_with_the_reason() -> None:
    _, [mention] = _code(_SENTENCE)
    assert mention.actors == ()
    assert mention.targets == ()
    assert mention.reasons.actors == "nobody is the likeliest actor with 0.50"


def test_offsets_of_chosen_parties_slice_the_text() -> None:
    text = "L'armée turque a bombardé Alep. Paris accuse Moscou de mentir. Il menace Kiev."
    _, mentions = _code(text, lambda c: (Chosen(c.found[-1], 0.5), Chosen(c.found[0], 0.5)))
    assert mentions
    for party in (p for m in mentions for p in (*m.actors, *m.targets)):
        assert text[party.start : party.end] == party.text


@pytest.mark.parametrize(
    ("text", "actors"),
    [
        ("La France discute avec l'Iran. Les deux pays ont signé un accord.", {"FRA", "IRN"}),
        ("La Turquie souffre de la crise. Le pays a imposé des sanctions à Moscou.", {"TUR"}),
        ("La France et l'Iran discutent. Les États-Unis ont imposé des sanctions à Moscou.", {"USA"}),
    ],
)
def test_countries_named_before_are_taken_up(text: str, actors: set[str]) -> None:
    [coding] = _by_rules().code([article(text)])
    [mention] = [m for m in coding.mentions if m.type in {"AGREE", "SANCTION"}]
    assert {p.country for p in mention.actors} == actors


def test_the_two_countries_are_those_named_last() -> None:
    text = "La Chine regarde. La France parle avec l'Iran, et encore l'Iran. Les deux pays ont signé un accord."
    [coding] = _by_rules().code([article(text)])
    [mention] = [m for m in coding.mentions if m.type == "AGREE"]
    assert {p.country for p in mention.actors} == {"FRA", "IRN"}


class _Trials(Observer):
    """Takes down which constraint each match failed."""

    def __init__(self) -> None:
        self.unmet: dict[str, list[Unmet | None]] = {}

    def tried(self, match: Match, filled: Filled, unmet: Unmet | None) -> None:
        assert filled.governor is not None
        self.unmet.setdefault(match.node.text, []).append(unmet)


def _unmet(text: str, word: str) -> list[Unmet | None]:
    trials = _Trials()
    _by_rules().observe(article(text), trials)
    return trials.unmet[word]


def test_a_constraint_that_is_met_is_not_told() -> None:
    assert None in _unmet("La police a arrêté trente opposants.", "arrêté")


def test_what_a_disaster_does_is_no_act_of_anybody() -> None:
    found = _unmet("Le séisme a tué douze personnes.", "tué")
    assert all(one is not None for one in found)
    assert "disaster" in {one.rule for one in found if one is not None}


def test_a_failed_constraint_names_what_was_asked_and_what_was_found() -> None:
    failed = [one for one in _unmet("Le médecin a arrêté le traitement.", "arrêté") if one is not None]
    assert failed
    assert all(one.rule in {"require", "refuse", "needs"} for one in failed)
    assert any(one.wanted or one.rule == "needs" for one in failed)
