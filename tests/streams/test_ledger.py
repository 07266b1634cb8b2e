import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from schemas.article import Article, ArticleStatus
from schemas.mention import Mention, Withdrawal
from schemas.outcome import Outcome, OutcomeKind
from streams.ledger import Account, account
from streams.merging import EventState, merge, to_event
from tests.streams.samples import article, mention


def outcome(
    of: Article, event_ids: tuple[str, ...] = (), kind: OutcomeKind | None = None, status: ArticleStatus = "usable"
) -> Outcome:
    return Outcome(
        article_id=of.article_id,
        version=of.version,
        outcome=kind or ("coded" if event_ids else "no_event"),
        event_ids=event_ids,
        source_id=of.source.id,
        status=status,
        fetched=of.fetched,
        coder_version="1",
        topic="news.articles",
        partition=0,
        offset=0,
    )


def run(outcomes: list[Outcome]) -> tuple[Account | None, list[Withdrawal]]:
    state: Account | None = None
    withdrawn: list[Withdrawal] = []
    for one in outcomes:
        state, some = account(state, one)
        withdrawn += some
    return state, withdrawn


def test_a_correction_withdraws_what_it_no_longer_says() -> None:
    first, second = article("A"), article("B", minutes=5)
    _, withdrawn = run([outcome(first, ("e1", "e2")), outcome(second, ("e2",))])
    assert [(one.event_id, one.article_version, one.reason) for one in withdrawn] == [
        ("e1", second.version, "corrected")
    ]


def test_a_killed_version_withdraws_all() -> None:
    first, second = article("A"), article("A", minutes=5, status="killed")
    _, withdrawn = run([outcome(first, ("e1", "e2")), outcome(second, kind="killed", status="killed")])
    assert [(one.event_id, one.reason) for one in withdrawn] == [("e1", "killed"), ("e2", "killed")]


def test_an_older_version_that_arrives_late_is_withdrawn_at_the_current_one() -> None:
    first, second = article("A"), article("B", minutes=5)
    state, withdrawn = run([outcome(second, ("e2",)), outcome(first, ("e1", "e2"))])
    assert [(one.event_id, one.article_version) for one in withdrawn] == [("e1", second.version)]
    assert state is not None
    assert state.version == second.version


def test_the_same_outcome_again_changes_nothing() -> None:
    one = outcome(article("A"), ("e1",))
    state, _ = account(None, one)
    again, withdrawn = account(state, one)
    assert again is state
    assert withdrawn == ()


def test_a_version_that_became_a_dead_letter_withdraws_nothing() -> None:
    first, second = article("A"), article("B", minutes=5)
    state, withdrawn = run([outcome(first, ("e1",)), outcome(second, kind="dead_letter")])
    assert withdrawn == []
    assert state is not None
    assert state.version == first.version


def test_a_version_that_another_coder_codes_differently_is_remembered_with_all_it_said() -> None:
    one = article("A")
    state, withdrawn = run([outcome(one, ("e1",)), outcome(one, ("e2",))])
    assert withdrawn == []
    _, withdrawn_later = account(state, outcome(article("B", minutes=1)))
    assert [w.event_id for w in withdrawn_later] == ["e1", "e2"]


def test_an_account_survives_its_storage() -> None:
    state, _ = account(None, outcome(article("A"), ("e1",)))
    assert state is not None
    assert Account.model_validate_json(state.to_bytes()) == state


@given(st.data())
def test_in_any_order_only_the_current_version_is_left_in_the_events(data: st.DataObject) -> None:
    """The ledger and the merger together: mentions and outcomes of some versions, in any order, some of them twice."""
    days = ["2016-05-01", "2016-05-02", "2016-05-03"]
    n_versions = data.draw(st.integers(1, 4))
    versions = [article(f"version {number}", minutes=number) for number in range(n_versions)]
    told = [
        [mention(version, day=day) for day in data.draw(st.lists(st.sampled_from(days), unique=True))]
        for version in versions
    ]
    outcomes = [
        outcome(version, tuple(sorted(one.event_id for one in some)))
        for version, some in zip(versions, told, strict=True)
    ]
    dice = random.Random(data.draw(st.integers(0, 1000)))
    outcomes += dice.choices(outcomes, k=2)
    dice.shuffle(outcomes)
    _, withdrawn = run(outcomes)
    records: list[Mention | Withdrawal] = [*itertools.chain(*told), *withdrawn]
    dice.shuffle(records)
    states: dict[str, EventState] = {}
    for record in records:
        states[record.event_id] = merge(states.get(record.event_id, EventState()), record)
    left = set()
    for event_id, state in states.items():
        event = to_event(event_id, state)
        left |= set(event.mention_ids) if event is not None else set()
    assert left == {one.mention_id for one in told[-1]}
