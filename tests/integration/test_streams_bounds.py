"""What bounds a worker, on a real broker: how long states are kept, and what an article may do to its process."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rocksdict

from depeche.broker import EmbeddedBroker
from schemas.access import KafkaAccess
from schemas.article import Article
from schemas.outcome import outcome_key
from streams.merging import EventState
from streams.settings import StreamSettings
from streams.worker import EXIT_FAILURE
from tests.integration.streams_rig import PARTITIONS, PROJECT, Rig, wait_until
from tests.integration.test_streams_worker import descendants
from tests.streams.samples import article

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
DAY = 24 * 60
OFFSET_KEY = b"__faust\0offset__"


@pytest.fixture
def rig(broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(KafkaAccess(broker.address), fresh_prefix, tmp_path)
    yield made
    made.close()


def country(group: str, number: int) -> str:
    """Three letters, as codes have them."""
    return f"{group}{chr(ord('A') + number // 26)}{chr(ord('A') + number % 26)}"


def act(name: str, day: int, *, guid: str | None = None) -> Article:
    """An article that tells an act of its own, fetched so many days after Monday."""
    return article(f"EVENT ASSAULT {name}>MLI 2016-05-01", guid=guid or f"{name}-{day}", minutes=day * DAY)


def passing(day: int) -> list[Article]:
    """Articles on every partition that let the stream's time pass, for accounts and events alike."""
    return [act(country("P", number), day, guid=f"passing-{day}-{number}") for number in range(60)]


def changelog(rig: Rig, table: str) -> dict[bytes, bytes | None]:
    """What the table's changelog amounts to, without the stream's days."""
    found = {record.key: record.value for record in rig.read(f"{rig.prefix}-worker-{table}-changelog")}
    return {key: value for key, value in found.items() if key != b"\xffday"}


def stored(folder: Path, table: str) -> dict[tuple[int, bytes], bytes]:
    """What the table's store holds in the folder of a worker that has stopped."""
    found: dict[tuple[int, bytes], bytes] = {}
    for place in folder.rglob(f"{table}-*.db"):
        database = rocksdict.Rdict(
            str(place), options=rocksdict.Options(raw_mode=True), access_type=rocksdict.AccessType.read_only()
        )
        partition = int(place.stem.rpartition("-")[2])
        raw: Any = database.items()
        found.update({(partition, key): value for key, value in raw if key != OFFSET_KEY})
        database.close()
    return found


@pytest.mark.parametrize("store", ["rocksdict", "memory"])
def test_states_and_accounts_end_and_a_worker_with_an_empty_folder_knows_it(rig: Rig, store: Any) -> None:
    settings = {"state_days": 10, "summary_days": 30, "table_store": store}
    first = rig.worker("first", **settings)
    old = [act(country("A", number), 0) for number in range(40)]
    rig.publish(old)
    outcomes = rig.wait_for_outcomes(old)
    ids = {event.encode() for outcome in outcomes.values() for event in outcome.event_ids}
    rig.wait_until_done()
    assert len(rig.events()) == 40

    accounts = {one.article_id.encode() for one in old}
    closed = {b"\xff=" + one for one in ids}
    assert accounts <= alive(rig, "accounts")
    rig.publish(passing(20))
    rig.wait_until_done()
    assert closed <= alive(rig, "events")
    assert not (ids & alive(rig, "events"))
    assert not (accounts & alive(rig, "accounts"))
    assert all(not state.articles for state in states(rig, closed))
    assert len(rig.events()) == 40 + 60, "closing neither changes nor deletes what consumers have"

    again = act(country("A", 7), 21, guid="again")
    rig.publish([again])
    (outcome,) = [one for one in rig.wait_for_outcomes([again]).values() if one.article_id == again.article_id]
    rig.wait_until_done()
    assert rig.events()[outcome.event_ids[0]].n_articles == 2, "the count goes on"
    killed = article("", guid=f"{country('A', 8)}-0", minutes=21 * DAY, status="killed")
    rig.publish([killed])
    rig.wait_until_done()
    assert first.stop() == 0
    assert rig.events()[event_of(outcomes, old[8])].n_articles == 1, "what was forgotten can't be withdrawn"

    kept = stored(rig.folder / "first", "events"), stored(rig.folder / "first", "accounts")
    second = rig.worker("second", **{**settings, "table_store": "rocksdict"})
    wait_until(lambda: "working on" in second.text(), "the second worker works", state=rig.state)
    assert second.stop() == 0
    recovered = stored(rig.folder / "second", "events"), stored(rig.folder / "second", "accounts")
    if store == "rocksdict":
        assert recovered == kept
    on_changelogs = [{(key, value) for (_, key), value in table.items() if key != b"\xffday"} for table in recovered]
    for table, entries in zip(("events", "accounts"), on_changelogs, strict=True):
        assert entries == {(key, value) for key, value in changelog(rig, table).items() if value is not None}

    third = rig.worker("second", **{**settings, "table_store": "rocksdict"})
    rig.publish(passing(60))
    rig.wait_until_done()
    # The event that was told again is closed only now; what is left of it ends with a later batch, if one comes.
    told_again = b"\xff=" + outcome.event_ids[0].encode()
    assert alive(rig, "events") & closed <= {told_again}, "what was left of the closed events is gone"
    assert third.stop() == 0


def alive(rig: Rig, table: str) -> set[bytes]:
    return {key for key, value in changelog(rig, table).items() if value is not None}


def states(rig: Rig, keys: set[bytes]) -> list[EventState]:
    found = changelog(rig, "events")
    return [EventState.model_validate_json(value) for key in keys if (value := found[key]) is not None]


def event_of(outcomes: Any, one: Article) -> str:
    (event_id,) = outcomes[f"{one.article_id}:{one.version}"].event_ids
    return str(event_id)


def test_three_kills_while_states_end_lose_and_double_nothing(rig: Rig) -> None:
    """Every act is told on day 0 and, by another article, on day 50, with kills while the first are being closed."""
    names = [country("B", number) for number in range(120)]
    settings: dict[str, Any] = {"state_days": 10, "summary_days": 1000}
    rig.worker(**settings)
    first, late = [act(name, 0) for name in names], [act(name, 50) for name in names]
    rig.publish(first)
    rig.wait_until_done()  # what a kill has told again on day 20 is touched on day 20, and not due
    assert len(rig.events()) == len(names)
    for number, day in enumerate((20, 21, 22)):
        wait_until(lambda: "working on" in rig.workers[-1].text(), "a worker at work", state=rig.state)
        rig.publish(passing(day))
        wait_until(
            lambda number=number: len([k for k in alive(rig, "events") if k.startswith(b"\xff=")]) >= 10 * number + 5,  # type: ignore[misc]
            "states being closed",
            state=rig.state,
        )
        rig.workers[-1].kill()
        rig.worker(f"after-{number}", **settings)
    rig.publish(late)
    rig.wait_for_outcomes(late)
    told = {event_of(rig.outcomes(), one) for one in late}
    events = rig.wait_for_events(lambda found: all(found[one].n_articles == 2 for one in told), "each act told twice")
    assert {events[one].n_mentions for one in told} == {2}
    assert rig.dead_letters() == []


SLOW = 480.0
"""Seconds: each process that ends is replaced, and starting one takes ten times as long on a busy machine."""


def wait_for_all(rig: Rig, some: list[Article]) -> Callable[[Article], str]:
    """Wait for all outcomes; return what tells an article's."""
    wanted = {outcome_key(one.article_id, one.version) for one in some}
    wait_until(lambda: wanted <= rig.outcomes().keys(), "all outcomes", seconds=SLOW, state=rig.state)
    found = rig.outcomes()
    return lambda one: found[outcome_key(one.article_id, one.version)].outcome


def test_whatever_an_article_does_to_its_process_it_alone_is_given_up(rig: Rig) -> None:
    rig.worker(pool_processes=2, pool_memory_bytes=300 * 1024**2, batch_size=8)
    texts = {"EXIT": "poison", "SEGV": "poison", "KILL": "poison", "HOG 700": "poison"}
    texts |= {"MEMORY": "bug", "MANY 20000": "too_large"}
    bad = {article(text, guid=text): reason for text, reason in texts.items()}
    fine = [article("EVENT AID FRA>MLI 2016-05-01", guid=str(number)) for number in range(60)]
    mixed = [*fine]
    for place, one in enumerate(bad):
        mixed.insert(9 * place, one)
    rig.publish(mixed)
    became = wait_for_all(rig, mixed)
    assert {became(one) for one in fine} == {"coded"}
    assert {became(one) for one in bad} == {"dead_letter"}
    letters = rig.dead_letters()
    assert {letter.original_key(): letter.reason for letter in letters} == {
        one.article_id.encode(): reason for one, reason in bad.items()
    }
    assert len(letters) == len(bad)
    rig.wait_for_events(lambda found: [event.n_mentions for event in found.values()] == [60], "all of the others")
    assert rig.workers[0].stop() == 0


def test_a_process_that_is_stopped_or_spins_holds_the_others_up_no_longer_than_the_limit(rig: Rig) -> None:
    rig.worker(pool_processes=2, article_seconds=10.0, batch_size=8)
    bad = [article(text, guid=text) for text in ("FREEZE", "SPIN")]
    fine = [article("EVENT AID FRA>MLI 2016-05-01", guid=str(number)) for number in range(30)]
    rig.publish([*fine[:10], *bad, *fine[10:]])
    became = wait_for_all(rig, [*fine, *bad])
    assert {became(one) for one in fine} == {"coded"}
    assert {became(one) for one in bad} == {"dead_letter"}
    assert sorted(letter.reason for letter in rig.dead_letters()) == ["poison", "poison"]


def test_a_pool_that_cannot_start_a_process_again_ends_the_worker_with_its_lag_intact(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = rig.folder / "loads"
    allowed.touch()
    monkeypatch.setenv("FAKE_CODER_LOADS", str(allowed))
    worker = rig.worker(coder="tests.streams.fake_coder:load_once")
    wait_until(lambda: "working on" in worker.text(), "the worker works", state=rig.state)
    some = [article("KILL", guid="kill"), *[article("EVENT AID FRA>MLI 2016-05-01", guid=str(n)) for n in range(20)]]
    rig.publish(some)
    assert worker.process.wait(120) == EXIT_FAILURE
    assert "could not be loaded" in worker.text()
    assert rig.dead_letters() == []
    rig.worker()
    outcomes = rig.wait_for_outcomes(some)
    assert [one.outcome for one in outcomes.values()].count("dead_letter") == 1


def test_a_killed_fork_server_and_pool_processes_cost_no_article(rig: Rig) -> None:
    worker = rig.worker(pool_processes=2)
    wait_until(lambda: "working on" in worker.text(), "the worker works", state=rig.state)
    some = [article(f"SLEEP 0.02\nEVENT AID FRA>MLI 2016-05-{1 + n % 28:02}", guid=str(n)) for n in range(200)]
    rig.publish(some)
    rig.wait_for_some(20)
    children = descendants(worker.process.pid)
    for pid in [pid for pid in children if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]:
        with contextlib.suppress(ProcessLookupError):  # the worker kills the others once the first has gone
            os.kill(pid, signal.SIGKILL)
    outcomes = rig.wait_for_outcomes(some, supervised=True)
    assert {one.outcome for one in outcomes.values()} == {"coded"}
    assert rig.dead_letters() == []


def test_the_settings_of_a_worker_say_how_long_states_are_kept() -> None:
    access = KafkaAccess("localhost:1")
    assert StreamSettings(access=access, data_folder=PROJECT).state_days == 400
    with pytest.raises(ValueError, match="summary_days is 5: it must be at least state_days, 10"):
        StreamSettings(access=access, data_folder=PROJECT, state_days=10, summary_days=5)
    assert PARTITIONS == 4


def test_a_record_with_a_key_larger_than_any_article_is_a_dead_letter_and_no_end_of_the_worker(rig: Rig) -> None:
    fine = [article("EVENT AID FRA>MLI 2016-05-01", guid=str(number)) for number in range(8)]
    rig.publish_raw([(b"k" * 20_000_000, b"x" * 9_000_000), (b"k" * 20_000_000, None)])
    rig.publish(fine)
    worker = rig.worker()
    became = wait_for_all(rig, fine)
    assert {became(one) for one in fine} == {"coded"}
    wait_until(lambda: len(rig.dead_letters()) == 2, "both dead letters", state=rig.state)
    assert {letter.key for letter in rig.dead_letters()} == {None}
    assert worker.stop() == 0
