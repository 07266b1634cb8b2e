import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.database import StateBusyError
from connectors.decide import Candidates
from connectors.feeds.subscriptions import Subscriptions
from connectors.metrics import ConnectorMetrics
from connectors.publishing.publisher import Publisher
from connectors.push.server import PushServer
from connectors.records import SeenEntry, StateChange
from connectors.runner import ConnectorRunner, drive
from connectors.settings import ConnectorSettings, PublisherSettings, PushSettings, Subscription
from connectors.source import Batch, Snapshot, SourceError
from connectors.state import State, StateError
from schemas.access import KafkaAccess
from schemas.article import Source
from tests.connectors.making import NOW, article
from tests.connectors.publishing.contract import Log

ROW = SeenEntry("s", "k", "l", "h", "t", None, None, 1, NOW, NOW)
COMMIT = StateChange((ROW,))
SOURCE = Source(id="x")


class Script:
    """A source that does what the test wrote down."""

    name = "script"
    connector = "folder"

    def __init__(self, *steps: Batch | Exception) -> None:
        self.steps = list(steps)

    def next_batch(self, now: datetime) -> Batch:
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def next_awake(self) -> datetime | None:
        return NOW if self.steps else None

    def snapshot(self) -> Snapshot:
        return Snapshot(self.name, self.connector, {})

    def close(self) -> None:
        """Holds nothing."""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "s.sqlite") as opened:
        yield opened


def committed(state: State) -> bool:
    return bool(state.seen(Candidates(frozenset({("s", "k")}), frozenset())).rows())


def run(source: Script, state: State, log: Log, stop: threading.Event | None = None) -> ConnectorMetrics:
    metrics = ConnectorMetrics()
    publisher = Publisher(
        PublisherSettings(KafkaAccess("memory"), "t", retry_seconds=0.001), metrics, factory=log.connect
    )
    drive(source, state, publisher, metrics, stop=stop or threading.Event(), clock=lambda: datetime.now(UTC))
    return metrics


def test_a_batch_is_published_and_then_committed(state: State) -> None:
    log = Log()
    metrics = run(Script(Batch((article(),), commit=COMMIT, counts={"new": 1})), state, log)
    assert len(log.topics["t.articles"]) == 1
    assert committed(state)
    sample = metrics.registry.get_sample_value
    assert sample("depeche_entries_total", {"connector": "folder", "fate": "new"}) == 1


def test_nothing_is_committed_before_the_broker_has_it(state: State) -> None:
    log = Log()
    log.refuse_connections = 10**9
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    run(Script(Batch((article(),), commit=COMMIT)), state, log, stop)
    assert not committed(state)


def test_errors_are_counted_and_the_rest_of_the_batch_goes_on(state: State) -> None:
    error = SourceError("https://x.example/rss", "HTTP 500", "http")
    metrics = run(Script(Batch(errors=(error, error), commit=COMMIT)), state, Log())
    labels = {"connector": "folder", "error_class": "http"}
    assert metrics.registry.get_sample_value("depeche_connector_errors_total", labels) == 2
    assert committed(state)


def test_a_bug_in_a_source_is_told_and_tried_again(
    state: State, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.runner._MAX_RETRY_SECONDS", 0.001)
    log = Log()
    metrics = run(Script(RuntimeError("a bug"), Batch((article(),), commit=COMMIT)), state, log)
    assert committed(state)
    assert "a bug" in caplog.text
    labels = {"connector": "folder", "error_class": "bug"}
    assert metrics.registry.get_sample_value("depeche_connector_errors_total", labels) == 1


def test_a_state_that_cannot_be_written_stops_the_source(state: State) -> None:
    state.close()
    with pytest.raises(StateError):
        run(Script(Batch((article(),), commit=COMMIT)), state, Log())


def test_a_state_that_another_program_holds_is_waited_for_and_no_article_goes_twice(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.runner._BUSY_WAIT_SECONDS", 0.01)
    state._database._connection.execute("PRAGMA busy_timeout = 1")
    log = Log()
    batch = Batch((article(),), commit=COMMIT)
    with closing(sqlite3.connect(state.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        commit = state.commit
        tries: list[StateChange] = []

        def committing(change: StateChange) -> None:
            tries.append(change)
            if len(tries) == 3:
                other.execute("ROLLBACK")
            commit(change)

        monkeypatch.setattr(state, "commit", committing)
        run(Script(batch), state, log)
    assert len(tries) == 3
    assert committed(state)
    assert len(log.topics["t.articles"]) == 1


def test_a_source_that_finds_the_state_held_is_asked_again(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.runner._BUSY_WAIT_SECONDS", 0.01)
    run(Script(StateBusyError("held"), Batch((article(),), commit=COMMIT)), state, Log())
    assert committed(state)


def test_a_state_held_at_the_start_is_an_exit_status_and_a_clear_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.database._BUSY_SECONDS", 0.01)
    path = tmp_path / "s.sqlite"
    State(path).close()
    feeds = (Subscription("https://x.example/rss", SOURCE),)
    runner = ConnectorRunner(ConnectorSettings(PublisherSettings(KafkaAccess("memory"), "t"), path, feeds=feeds))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert runner.run(threading.Event()) == 1
    assert "another program has been writing" in caplog.text


@pytest.mark.parametrize("poll_feeds", [True, False])
def test_hubs_are_wanted_only_for_feeds_that_are_polled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poll_feeds: bool
) -> None:
    wanted: list[Collection[str]] = []

    def server(*arguments: Any, subscribed: Callable[[], Collection[str]], **others: Any) -> PushServer:
        wanted.append(subscribed())
        return PushServer(*arguments, subscribed=subscribed, **others)

    monkeypatch.setattr("connectors.runner.PushServer", server)
    kept, paused = (Subscription(f"https://{name}.example/rss", SOURCE) for name in ("kept", "paused"))
    path = tmp_path / "s.sqlite"
    with Subscriptions(path) as subscriptions:
        subscriptions.sync([kept, paused], NOW)
        subscriptions.set_status(paused.url, "paused")
    settings = ConnectorSettings(
        PublisherSettings(KafkaAccess("memory"), "t"),
        path,
        feeds=(kept, paused),
        poll_feeds=poll_feeds,
        push=PushSettings(port=0),
    )
    stop = threading.Event()
    stop.set()
    assert ConnectorRunner(settings, factory=Log().connect).run(stop) == 0
    assert [set(found) for found in wanted] == [{kept.url} if poll_feeds else set()]


def test_a_damaged_state_is_an_exit_status_and_a_clear_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"nonsense" * 1000)
    runner = ConnectorRunner(ConnectorSettings(PublisherSettings(KafkaAccess("127.0.0.1:9"), "t"), path))
    assert runner.run(threading.Event()) == 1
    assert "move the file away" in caplog.text
    health = runner.health()
    assert not health.healthy
    assert not health.ready
    assert "s.sqlite" in health.details["failure"]


def test_a_runner_without_a_broker_is_alive_not_ready_and_stops_at_once(tmp_path: Path) -> None:
    settings = ConnectorSettings(
        PublisherSettings(KafkaAccess("memory"), "t"),
        tmp_path / "s.sqlite",
        drops=(tmp_path / "drop",),
        drop_interval=timedelta(milliseconds=50),
    )
    log = Log()
    log.refuse_connections = 10**9
    runner = ConnectorRunner(settings, factory=log.connect)
    stop = threading.Event()
    status: list[int] = []
    thread = threading.Thread(target=lambda: status.append(runner.run(stop)))
    thread.start()
    for _ in range(6000):
        # Before it has tried to connect it has begun nothing that could be ill.
        if log.refuse_connections < 10**9 and runner.health().healthy:
            break
        threading.Event().wait(0.01)
    health = runner.health()
    stop.set()
    thread.join(30)
    assert health.healthy
    assert not health.ready
    assert health.details["broker"] == "waiting"
    assert status == [0]


def test_a_clock_set_back_does_not_put_a_source_to_sleep(state: State) -> None:
    class Hourly(Script):
        wake = NOW

        def next_batch(self, now: datetime) -> Batch:
            self.wake = now + timedelta(hours=1)
            return super().next_batch(now)

        def next_awake(self) -> datetime | None:
            return self.wake if self.steps else None

    times = iter((NOW, NOW - timedelta(days=365)))
    drive(
        Hourly(Batch(), Batch()),
        state,
        Publisher(PublisherSettings(KafkaAccess("memory"), "t"), factory=Log().connect),
        ConnectorMetrics(),
        stop=threading.Event(),
        clock=lambda: next(times),
    )
    assert list(times) == []
