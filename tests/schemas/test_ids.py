"""Golden ids: a change here changes every id that anybody has stored, so it must be deliberate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas import ids


def test_golden_ids() -> None:
    article = ids.article_id("lemonde", "https://example.org/a")
    assert article == "801ae9d7191e215338b4fc38bd32ec81"
    content = ids.content_hash("Titre", None, "Texte é 🙂", "usable")
    assert content == "daa527224fda634f18a2360fedd8aefeeadfd74fa9ca3bd8081659ae7f4fe93e"
    assert ids.version(content) == content[:16]
    assert (
        ids.mention_id(
            article,
            ids.version(content),
            start=0,
            end=20,
            trigger_start=5,
            plover="ASSAULT",
            actors=["FRA:MIL"],
            targets=["org:IMG", ""],
        )
        == "216724fe707145d63c3e0c048f741bd4"
    )
    assert (
        ids.event_id(
            plover="ASSAULT",
            actors=["FRA:MIL"],
            targets=["org:IMG"],
            place="2214846",
            day="2016-05-20",
            article=article,
        )
        == "12ec2e260d5097af07c9279630708b65"
    )
    assert ids.story_id(article) == "461ec4ad211942c2009081538f10fba3"


@given(st.lists(st.text(), min_size=2, max_size=2), st.lists(st.text(), min_size=2, max_size=2))
def test_parts_cannot_be_mistaken_for_one_another(one: list[str], other: list[str]) -> None:
    same = ids.article_id(*one) == ids.article_id(*other)
    assert same == (one == other)


@given(st.permutations(["FRA:MIL", "USA:GOV", "org:UNO"]), st.permutations(["LBY", "org:IMG"]))
def test_the_order_of_parties_does_not_matter(actors: list[str], targets: list[str]) -> None:
    def event(a: list[str], t: list[str]) -> str:
        return ids.event_id(plover="CONSULT", actors=a, targets=t, place=None, day="2016-05", article="x")

    assert event(actors, targets) == event(sorted(actors), sorted(targets))


def test_acts_that_nothing_ties_to_the_world_stay_in_their_article() -> None:
    def event(article: str, *, day: str | None, place: str | None) -> str:
        return ids.event_id(plover="PROTEST", actors=[""], targets=[], place=place, day=day, article=article)

    assert event("a", day="2016-05-20", place=None) != event("b", day="2016-05-20", place=None)
    assert event("a", day=None, place="FR") != event("b", day=None, place="FR")
    assert event("a", day="2016-05-20", place="FR") == event("b", day="2016-05-20", place="FR")


def test_a_party_s_code_prefers_what_identifies_it() -> None:
    def code(**known: str) -> str:
        empty: dict[str, str | None] = {"identifier": None, "country": None, "organisation": None, "sector": None}
        return ids.party_code(**{**empty, **known})

    assert code(identifier="person:x", country="FRA", sector="GOV") == "person:x"
    assert code(identifier="state:FRA", country="FRA", sector="GOV") == "FRA:GOV"
    assert code(organisation="UNO", sector="IGO") == "org:UNO"
    assert code(country="FRA") == "FRA"
    assert code(sector="COP") == ""


@given(st.text(), st.text(), st.text())
def test_any_text_has_an_id_lone_surrogates_too(title: str, summary: str, text: str) -> None:
    assert len(ids.content_hash(title, summary, text, "usable")) == 64
    assert len(ids.content_hash("\ud800", None, "\udfff", "usable")) == 64
