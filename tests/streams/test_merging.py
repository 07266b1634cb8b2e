import itertools
import random
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.event import Event
from schemas.mention import Mention, Place, Withdrawal
from streams.merging import MAX_ARTICLES, MAX_MENTIONS_PER_ARTICLE, EventState, folded_hash, join, merge, to_event
from tests.streams.samples import article, mention, withdrawal

BAMAKO = Place(text="Bamako", name="Bamako", country="ML", kind="city", score=0.9, how="said so")


def state_of(records: list[Mention | Withdrawal]) -> EventState:
    state = EventState()
    for record in records:
        state = merge(state, record)
    return state


def event_of(records: list[Mention | Withdrawal]) -> Event:
    event = to_event("e", state_of(records))
    assert event is not None
    return event


@st.composite
def records(draw: st.DrawFn) -> list[Mention | Withdrawal]:
    """A few versions of a few articles, each with mentions of the event, or with its withdrawal."""
    found: list[Mention | Withdrawal] = []
    for guid in draw(st.lists(st.sampled_from("abcd"), unique=True, min_size=1)):
        for minutes in draw(st.lists(st.integers(0, 3), unique=True, min_size=1)):
            version = article(f"version {minutes}", guid=guid, source=f"source-{guid}", minutes=minutes)
            starts = draw(st.lists(st.integers(0, 5), unique=True, max_size=3))
            if not starts:
                found.append(withdrawal("e", version))
            for start in starts:
                place = draw(st.sampled_from([None, BAMAKO]))
                found.append(
                    mention(
                        version,
                        start=start,
                        sentence=draw(st.sampled_from(["Une phrase.", "Une autre."])),
                        confidence=draw(st.sampled_from([0.1, 0.5, 0.9])),
                        place=place,
                    )
                )
    return found


@given(records(), st.randoms(use_true_random=False))
def test_neither_order_nor_repeats_change_the_state(some: list[Mention | Withdrawal], dice: random.Random) -> None:
    again = [*some, *dice.choices(some, k=3)]
    dice.shuffle(again)
    assert state_of(again) == state_of(some)
    assert state_of(again).to_bytes() == state_of(some).to_bytes()


@given(records(), records(), records())
def test_join_is_associative_commutative_and_idempotent(
    a: list[Mention | Withdrawal], b: list[Mention | Withdrawal], c: list[Mention | Withdrawal]
) -> None:
    x, y, z = state_of(a), state_of(b), state_of(c)
    assert join(join(x, y), z) == join(x, join(y, z))
    assert join(x, y) == join(y, x)
    assert join(x, x) is x


@given(records())
def test_a_state_survives_its_storage(some: list[Mention | Withdrawal]) -> None:
    state = state_of(some)
    assert EventState.model_validate_json(state.to_bytes()) == state


@given(records())
def test_only_the_greatest_revision_of_each_article_counts(some: list[Mention | Withdrawal]) -> None:
    greatest: dict[str, tuple[str, str]] = {}
    for record in some:
        revision = (record.fetched.isoformat(), record.article_version)
        greatest[record.article_id] = max(greatest.get(record.article_id, ("", "")), revision)
    expected = {
        record.mention_id
        for record in some
        if isinstance(record, Mention)
        and greatest[record.article_id] == (record.fetched.isoformat(), record.article_version)
    }
    event = to_event("e", state_of(some))
    if event is None:
        assert not any(isinstance(record, Mention) for record in some)
    else:
        assert set(event.mention_ids) == expected
        assert event.status == ("coded" if expected else "retracted")


def test_a_repeated_mention_gives_back_the_same_state() -> None:
    one = mention(article("EVENT"))
    state = state_of([one])
    assert merge(state, one) is state


def test_copies_of_one_dispatch_are_one_independent_text() -> None:
    here = mention(article("A", guid="1", source="x"), sentence="L’armée a frappé ; dix morts.")
    there = mention(article("B", guid="2", source="y"), sentence="L'ARMÉE a frappé : dix  morts")
    other = mention(article("C", guid="3", source="y"), sentence="Dix personnes ont été tuées.")
    event = event_of([here, there, other])
    assert (event.n_articles, event.n_sources, event.n_independent_texts) == (3, 2, 2)
    assert folded_hash("Été") == folded_hash("ETE")


def test_slots_come_from_the_best_mention_and_what_it_leaves_empty_from_the_others() -> None:
    sure = mention(article("A", guid="1"), confidence=0.9)
    unsure = mention(article("B", guid="2"), confidence=0.4, place=BAMAKO)
    for order in itertools.permutations([sure, unsure]):
        event = event_of(list(order))
        assert event.best_mention.mention_id == sure.mention_id
        assert event.confidence == 0.9
        assert event.place == BAMAKO


def test_equal_confidence_goes_to_the_smallest_id() -> None:
    some = [mention(article("A", guid=guid)) for guid in "abcdef"]
    assert event_of(list(some)).best_mention.mention_id == min(one.mention_id for one in some)


def test_a_withdrawn_event_keeps_the_slots_of_its_last_mention() -> None:
    first = article("A")
    corrected = article("B", minutes=5)
    told = mention(first, place=BAMAKO)
    both: list[Mention | Withdrawal] = [told, withdrawal("e", corrected)]
    for order in (both, both[::-1]):
        event = event_of(order)
        assert event.status == "retracted"
        assert (event.n_mentions, event.n_articles, event.n_sources, event.n_independent_texts) == (0, 0, 0, 0)
        assert event.mention_ids == ()
        assert event.place == BAMAKO


def test_a_withdrawal_alone_makes_no_event() -> None:
    assert to_event("e", state_of([withdrawal("e", article("A"))])) is None


def test_an_event_that_is_told_again_after_a_withdrawal_is_coded_again() -> None:
    first, second, third = article("A"), article("B", minutes=1), article("C", minutes=2)
    event = event_of([mention(first), withdrawal("e", second), mention(third)])
    assert (event.status, event.n_mentions) == ("coded", 1)


def test_first_and_last_seen_span_the_articles_that_tell_it() -> None:
    early, late = article("A", guid="1"), article("B", guid="2")
    shifted = mention(late).model_copy(update={"published": early.fetched + timedelta(days=1)})
    event = event_of([mention(early), shifted])
    assert event.last_seen - event.first_seen == timedelta(days=1)


def test_an_event_of_very_many_articles_stays_bounded_and_its_count_about_right() -> None:
    many = [mention(article("A", guid=str(number), source=f"s{number}")) for number in range(1000)]
    state = state_of(list(many))
    assert len(state.articles) == MAX_ARTICLES
    assert len(state.to_bytes()) < 1_000_000
    event = to_event("e", state)
    assert event is not None
    assert len(event.mention_ids) == 200
    assert 750 < event.n_articles < 1300
    assert state_of(list(reversed(many))) == state


def test_counts_are_exact_up_to_the_bound() -> None:
    many = [mention(article("A", guid=str(number), source=f"s{number}")) for number in range(MAX_ARTICLES)]
    event = event_of(list(many))
    assert (event.n_articles, event.n_mentions, event.n_sources) == (MAX_ARTICLES,) * 3


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_the_bound_keeps_the_same_articles_in_any_order(dice: random.Random) -> None:
    some: list[Mention | Withdrawal] = [mention(article("A", guid=str(number))) for number in range(MAX_ARTICLES + 20)]
    some += [withdrawal("e", article("B", guid=str(number), minutes=1)) for number in range(0, MAX_ARTICLES, 7)]
    expected = state_of(some)
    dice.shuffle(some)
    assert state_of(some) == expected


def test_an_article_that_tells_an_event_a_thousand_times_stays_bounded() -> None:
    of = article("x" * 2000)
    some: list[Mention | Withdrawal] = [mention(of, start=start, sentence="x") for start in range(1000)]
    state = state_of(some)
    assert len(state.articles[of.article_id].mention_ids) == MAX_MENTIONS_PER_ARTICLE
    assert state_of(some[::-1]) == state
