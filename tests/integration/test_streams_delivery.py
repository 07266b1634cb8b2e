"""The streams on a real broker: what comes out, and that nothing is lost whatever happens to the worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from depeche.broker import EmbeddedBroker
from schemas.access import KafkaAccess
from schemas.event import Event
from schemas.topics import BACKFILL, EVENTS, OUTCOMES
from streams.settings import STANDARD_CODER
from tests.integration.streams_rig import Rig, undisturbed, wait_until
from tests.streams.samples import article

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


@pytest.fixture
def rig(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(KafkaAccess(broker.address), fresh_prefix, tmp_path)
    yield made
    made.close()


def test_articles_become_mentions_outcomes_and_one_event_for_one_act(rig: Rig) -> None:
    rig.worker()
    two = [
        article("EVENT ASSAULT FRA>MLI 2016-05-01", guid="1"),
        article("Hier.\nEVENT ASSAULT FRA>MLI 2016-05-01", guid="2", source="courrier"),
    ]
    quiet = article("Il fait beau.", guid="3")
    rig.publish([*two, quiet])
    outcomes = rig.wait_for_outcomes([*two, quiet])
    assert sorted(outcome.outcome for outcome in outcomes.values()) == ["coded", "coded", "no_event"]
    events = rig.wait_for_events(lambda found: any(e.n_articles == 2 for e in found.values()), "an event of 2 articles")
    assert len(events) == 1
    (event,) = events.values()
    assert (event.status, event.n_mentions, event.n_sources) == ("coded", 2, 2)
    assert set(event.mention_ids) == rig.mention_ids()
    assert rig.workers[0].stop() == 0


def test_bad_input_gets_its_outcome_or_dead_letter_and_the_stream_goes_on(rig: Rig) -> None:
    rig.worker(max_text_characters=1_000_000)
    fine = [article("EVENT AID FRA>MLI 2016-05-01", guid=f"fine-{number}") for number in range(8)]
    huge = article("x" * 20_000_000, guid="huge")
    empty = article("", guid="empty")
    arabic = article("\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645", guid="arabic")
    buggy = article("RAISE", guid="buggy")
    surrogate = fine[0].to_bytes().replace(b"EVENT", b"\\ud800")
    rig.publish_raw(
        [
            (b"garbage", b"\xff\xfe\x00 not JSON"),
            (b"surrogate", surrogate),
            (b"tombstone", None),
            (None, b""),
        ]
    )
    rig.publish([huge, empty, arabic, buggy, *fine])
    rig.wait_until_done()
    outcomes = rig.wait_for_outcomes([huge, empty, arabic, buggy, *fine])
    became = {outcomes[f"{one.article_id}:{one.version}"].outcome for one in fine}
    assert became == {"coded"}
    assert outcomes[f"{huge.article_id}:{huge.version}"].outcome == "dead_letter"
    assert outcomes[f"{empty.article_id}:{empty.version}"].outcome == "empty"
    assert outcomes[f"{arabic.article_id}:{arabic.version}"].outcome == "unsupported_language"
    assert outcomes[f"{buggy.article_id}:{buggy.version}"].outcome == "dead_letter"
    letters = {letter.original_key(): letter for letter in rig.dead_letters()}
    assert len(letters) == 6
    assert {letters[key].reason for key in (b"garbage", b"surrogate", b"tombstone", None)} == {"invalid"}
    assert letters[b"surrogate"].original_value() == surrogate
    large = letters[huge.article_id.encode()]
    assert (large.reason, large.original_value()) == ("too_large", huge.to_bytes())
    assert letters[buggy.article_id.encode()].reason == "bug"


def test_an_article_that_kills_the_coders_process_is_poison_and_only_that_one(rig: Rig) -> None:
    rig.worker()
    fine = [article("EVENT AID FRA>MLI 2016-05-01", guid=f"fine-{number}") for number in range(20)]
    poison = article("KILL", guid="poison")
    rig.publish([*fine[:10], poison, *fine[10:]])
    outcomes = rig.wait_for_outcomes([*fine, poison])
    assert outcomes[f"{poison.article_id}:{poison.version}"].outcome == "dead_letter"
    assert {outcomes[f"{one.article_id}:{one.version}"].outcome for one in fine} == {"coded"}
    assert [letter.reason for letter in rig.dead_letters()] == ["poison"]


def test_three_kills_in_mid_batch_lose_nothing(rig: Rig, broker: EmbeddedBroker, tmp_path: Path) -> None:
    """SIGKILL three times on the way, each with batches in hand: the same mentions and events as without.

    The last worker has an empty folder: what it knows of the work of the others is on the changelogs.
    """
    articles = [
        article(
            f"SLEEP 0.03\nEVENT ASSAULT FRA>MLI 2016-05-{1 + number % 28:02}\n"
            f"EVENT AID FRA>NER 2016-04-{1 + number % 30:02}",
            guid=str(number),
            source=f"source-{number % 7}",
        )
        for number in range(400)
    ]
    calm = Rig(KafkaAccess(broker.address), f"{rig.prefix}-calm", tmp_path / "calm")
    try:
        calm.publish(articles)
        calm.worker(pool_processes=2)
        calm.wait_for_outcomes(articles)
        expected_mentions = calm.mention_ids()
        assert len(expected_mentions) == 800
        expected = calm.wait_for_events(lambda found: counted(found) == 800, "all 800 mentions merged")
        assert calm.workers[0].stop() == 0
    finally:
        calm.close()

    rig.publish(articles)
    for number, enough in enumerate((40, 140, 260)):
        worker = rig.worker(pool_processes=2)
        wait_until(
            lambda enough=enough: len(rig.read(OUTCOMES.name(rig.prefix))) >= enough,  # type: ignore[misc]
            f"{enough} outcomes before kill {number}",
        )
        worker.kill()
        assert len(rig.outcomes()) < len(articles), "killed too late to show anything"
    rig.worker("elsewhere", pool_processes=2)
    rig.wait_for_outcomes(articles)
    events = rig.wait_for_events(lambda found: counted(found) >= 800, "all 800 mentions merged after the kills")
    assert rig.mention_ids() == expected_mentions
    assert events == expected
    assert len(rig.outcomes()) == len(articles)
    assert rig.dead_letters() == []


def counted(events: dict[str, Event]) -> int:
    return sum(event.n_mentions for event in events.values())


def test_a_killed_worker_that_loses_its_folder_too_rebuilds_its_tables(rig: Rig) -> None:
    """What was acknowledged is on the changelogs, whatever is left of the worker's disk."""
    first = [article("EVENT ASSAULT FRA>MLI 2016-05-01", guid=str(number)) for number in range(60)]
    rig.publish(first)
    worker = rig.worker("first")
    rig.wait_for_events(lambda found: counted(found) == 60, "60 mentions in one event")
    worker.kill()
    more = article("EVENT ASSAULT FRA>MLI 2016-05-01", guid="one more")
    corrected = article("Rien de tel.", guid="0", minutes=10)
    rig.publish([more, corrected])
    rig.worker("second")
    rig.wait_until_done()
    ids, _ = undisturbed([*first[1:], more])
    (event,) = rig.events().values()
    assert set(event.mention_ids) == ids, "one more article, and one that takes back what it said"
    assert event.n_articles == 60


@pytest.mark.parametrize("store", ["rocksdict", "memory"])
def test_a_restart_goes_on_where_the_last_run_was(rig: Rig, store: str) -> None:
    one, two, three = (article("EVENT ASSAULT FRA>MLI 2016-05-01", guid=guid, source=guid) for guid in "abc")
    rig.publish([one, two])
    worker = rig.worker(table_store=store, session_seconds=60.0)
    rig.wait_for_events(lambda found: counted(found) == 2, "two articles merged")
    assert worker.stop() == 0
    written = len(rig.mention_records())
    rig.publish([three])
    rig.worker(table_store=store, session_seconds=60.0)
    rig.wait_for_events(lambda found: counted(found) == 3, "the third article joins the two of before the restart")
    assert len(rig.mention_records()) == written + 1, "a graceful stop leaves nothing to be done again"


def test_the_same_articles_again_change_no_event(rig: Rig) -> None:
    some = [article("EVENT ASSAULT FRA>MLI 2016-05-01", guid=str(number)) for number in range(5)]
    rig.publish(some)
    rig.worker(session_seconds=60.0)
    rig.wait_until_done()
    before = rig.events()
    assert counted(before) == 5
    n_events = len(rig.read(EVENTS.name(rig.prefix)))
    rig.publish(some)
    marker = article("EVENT AID FRA>MLI 2016-05-01", guid="marker")
    rig.publish([marker])
    rig.wait_until_done()
    after = rig.events()
    assert (len(after), len(rig.mention_records())) == (2, 11), "the marker's event, and each mention twice"
    assert {key: after[key] for key in before} == before
    assert len(rig.read(EVENTS.name(rig.prefix))) == n_events + 1


def test_the_backfill_gives_the_same_outputs_as_the_live_feed(rig: Rig) -> None:
    old = [article("EVENT ASSAULT FRA>MLI 2016-05-01", guid=str(number)) for number in range(40)]
    rig.publish(old, topic=BACKFILL)
    rig.worker()
    outcomes = rig.wait_for_outcomes(old)
    assert {outcome.topic for outcome in outcomes.values()} == {BACKFILL.name(rig.prefix)}
    rig.wait_for_events(lambda found: counted(found) == 40, "the backfill merged")


def test_a_live_article_overtakes_a_backfill(rig: Rig) -> None:
    old = [article("SLEEP 0.2", guid=f"old-{number}") for number in range(300)]
    rig.publish(old, topic=BACKFILL)
    rig.worker(batch_size=4)
    wait_until(lambda: len(rig.read(OUTCOMES.name(rig.prefix))) > 0, "the backfill under way")
    live = article("EVENT AID FRA>MLI 2016-05-01", guid="live")
    rig.publish([live])
    found = rig.wait_for_outcomes([live])
    assert len(found) < len(old), "the live article waited for the whole backfill"


def test_a_worker_that_comes_back_to_a_busy_group_skips_nothing(rig: Rig) -> None:
    """Faust's fault 596 (see streams/recovery.py): tables to recover while the inputs are full, with two rebalances.

    With Faust's own order of steps this left 32 of 500 articles without an outcome, for good, and the workers stuck.
    A worker that finds records passed over stops itself, and whoever supervises it starts it again: so does the rig.
    """
    some = [
        article(f"SLEEP 0.002\nEVENT ASSAULT FRA>MLI 2016-05-{1 + number % 28:02}", guid=str(number))
        for number in range(500)
    ]
    settings = {"table_store": "memory"}  # recovers whole tables at each rebalance
    first, second = rig.worker("one", **settings), rig.worker("two", **settings)
    wait_until(lambda: "working on" in first.text() and "working on" in second.text(), "both work")
    rig.publish(some[:250])
    rig.wait_for_some(50, supervised=True)
    rig.latest("one").kill()
    rig.publish(some[250:])
    rig.worker("one", **settings)
    rig.wait_for_outcomes(some, supervised=True)
    rig.wait_for_events(lambda found: counted(found) == len(some), "all merged", supervised=True)
    assert rig.dead_letters() == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("L'armée française a bombardé dimanche un camp de rebelles près de Tombouctou, au Mali.", "fr"),
        ("French jets bombed a rebel camp near Timbuktu, in Mali, on Sunday.", "en"),
    ],
)
def test_the_real_coder_codes_in_the_pool(rig: Rig, text: str, language: str) -> None:
    worker = rig.worker(coder=STANDARD_CODER)
    wait_until(lambda: "working on" in worker.text(), "the coder is loaded", seconds=300.0, state=rig.state)
    one = article(text, language=language)
    rig.publish([one])
    (outcome,) = rig.wait_for_outcomes([one]).values()
    assert (outcome.outcome, outcome.language) == ("coded", language)
    events = rig.wait_for_events(lambda found: counted(found) == outcome.counts.mentions, "its mentions merged")
    assert set(events) == set(outcome.event_ids)
    assert "ASSAULT" in {event.type for event in events.values()}
