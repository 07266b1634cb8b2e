"""What is set once and must stay so: settings, metrics' names, the answers to Faust's faults."""

import asyncio
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from faust.tables.recovery import Recovery
from prometheus_client import CollectorRegistry

from schemas.access import KafkaAccess
from schemas.topics import MAX_RECORD_BYTES, MENTIONS
from streams import app as wiring
from streams import client, recovery
from streams.coding_job import Refused
from streams.faust_table import FaustTable
from streams.lag import lag_of
from streams.metrics import WorkerMetrics, language_label
from streams.settings import StreamSettings
from tests.streams.fakes import NOW, record

SETTINGS = StreamSettings(access=KafkaAccess("localhost:1"), data_folder=Path("nowhere"))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"pool_processes": 0}, "pool_processes"),
        ({"partitions": 0}, "partitions"),
        ({"prefix": "a b"}, "prefix"),
        ({"heartbeat_seconds": 3.0}, "heartbeat_seconds"),
        ({"dead_letter_ratio": 0.0}, "dead_letter_ratio"),
        ({"article_seconds": float("nan")}, "article_seconds"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        replace(SETTINGS, **change)


def test_the_app_has_the_settings_that_delivery_stands_on(tmp_path: Path) -> None:
    async def main() -> Any:
        return wiring.create_app(replace(SETTINGS, data_folder=tmp_path)).conf

    conf = asyncio.run(main())
    assert conf.processing_guarantee.value == "at_least_once"
    assert conf.broker_commit_interval == 1.0
    assert conf.stream_wait_empty is False
    assert conf.consumer_auto_offset_reset == "earliest"
    assert conf.producer_acks == -1
    assert conf.producer_max_request_size == MAX_RECORD_BYTES
    assert conf.producer_compression_type == "gzip"
    assert conf.agent_supervisor.__name__ == "CrashingSupervisor"
    assert conf.TableManager is recovery.HeldTableManager
    assert conf.web_enabled is False
    assert conf.stream_publish_on_commit is False
    assert conf.broker_max_poll_interval > 30 * 24 * 3600, "a worker past it never joins its group again"
    assert conf.table_standby_replicas == 0, "one by default, and the end of a recovery throws away what it has read"


def test_a_session_of_minutes_is_one_that_faust_takes(tmp_path: Path) -> None:
    async def main() -> Any:
        return wiring.create_app(replace(SETTINGS, data_folder=tmp_path, session_seconds=300.0)).conf

    conf = asyncio.run(main())
    assert conf.broker_session_timeout == 300
    assert conf.broker_request_timeout > 300, "Faust refuses a session that is longer than a request may take"


def test_the_producer_is_idempotent_without_transactions(tmp_path: Path) -> None:
    async def main() -> Any:
        app = wiring.create_app(replace(SETTINGS, data_folder=tmp_path))
        return app.in_transaction, app.producer._settings_extra(), app.transport.Consumer.__name__

    in_transaction, asked, consumer = asyncio.run(main())
    assert not in_transaction
    assert asked == {"acks": "all", "enable_idempotence": True}
    assert consumer == "LeasedConsumer"


def test_records_wait_for_a_leader_as_long_as_for_an_acknowledgement(tmp_path: Path) -> None:
    async def main() -> Any:
        app = wiring.create_app(replace(SETTINGS, data_folder=tmp_path))
        producer = app.producer._new_producer()
        try:
            return producer._message_accumulator._batch_ttl
        finally:
            await producer.stop()

    assert asyncio.run(main()) == client.DELIVERY_SECONDS


@pytest.mark.parametrize(("replication", "least"), [(1, "1"), (3, "2")])
def test_a_changelog_asks_for_as_many_in_sync_replicas_as_the_topics(
    tmp_path: Path, replication: int, least: str
) -> None:
    async def main() -> Any:
        settings = replace(SETTINGS, data_folder=tmp_path, table_store="memory", replication=replication)
        app = wiring.create_app(settings)
        wiring.add_table(app, "t", settings)
        return app.tables["t"].changelog_topic

    changelog = asyncio.run(main())
    assert changelog.config["min.insync.replicas"] == least
    assert changelog.config["max.message.bytes"] == str(MAX_RECORD_BYTES)
    assert changelog.compacting


def test_a_queue_holds_what_is_fetched_when_fetching_stops() -> None:
    """Faust stops fetching at maxsize/1.25; a full queue would hold up the delivery to every other stage."""
    assert int(wiring.BUFFER_RECORDS / 1.25) + wiring.MAX_POLL_RECORDS < wiring.BUFFER_RECORDS


def test_another_version_of_faust_is_refused_until_its_recovery_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faust, "__version__", "0.16.0")
    with pytest.raises(RuntimeError, match=r"0\.16\.0"):
        recovery.table_manager()


def test_a_table_of_other_types_than_bytes_is_refused() -> None:
    with pytest.raises(TypeError, match="bytes"):
        FaustTable(SimpleNamespace(name="t", key_type=None, value_type=bytes))


def test_both_tables_are_declared_as_bytes_by_bytes(tmp_path: Path) -> None:
    async def main() -> Any:
        settings = replace(SETTINGS, data_folder=tmp_path, table_store="memory")
        app = wiring.create_app(settings)
        wiring.add_table(app, "t", settings)
        return app.tables["t"]

    table = asyncio.run(main())
    assert (table.key_type, table.value_type, table.key_serializer) == (bytes, bytes, "raw")


def test_the_flow_is_stopped_before_recovery_seeks_and_clears() -> None:
    """Fault 596: Faust resumes the inputs first, and what arrives before the queues are cleared is lost to them."""
    steps: list[str] = []

    class Flow:
        def stop_flow(self) -> None:
            steps.append("stop_flow")

        def suspend(self) -> None:
            steps.append("suspend")

    async def original(self: Any, generation_id: int) -> None:
        steps.append(f"faust {generation_id}")

    class Held(recovery.HeldRecovery):
        def __init__(self) -> None:
            """No services: only what the order of steps needs."""
            stand_in: Any = SimpleNamespace(consumer=Flow(), flow_control=Flow())
            self.app = stand_in

    async def main() -> None:
        await Held().on_recovery_completed(7)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recovery, "on_recovery_completed", original)
        asyncio.run(main())
    assert steps == ["stop_flow", "suspend", "faust 7"]


Partition = namedtuple("Partition", "topic partition")


def test_lag_counts_what_is_kept_and_not_committed() -> None:
    ends = {Partition("t", 0): 10, Partition("t", 1): 10, Partition("t", 2): 10, Partition("t", 3): 0}
    beginnings = {Partition("t", 1): 4, Partition("t", 2): 8}
    committed = {Partition("t", 0): 7, Partition("t", 1): -1, Partition("t", 2): 5}
    assert lag_of(ends, beginnings, committed) == {("t", 0): 3, ("t", 1): 6, ("t", 2): 2, ("t", 3): 0}


def test_metrics_have_the_projects_names_and_bounded_labels() -> None:
    registry = CollectorRegistry()
    WorkerMetrics(registry)
    names = {family.name for family in registry.collect()}
    assert all(name.startswith("depeche_") for name in names)
    assert {
        "depeche_articles",
        "depeche_dead_letters",
        "depeche_latency_seconds",
        "depeche_consumer_lag_records",
    } <= names
    assert [language_label(code) for code in ("fr", "xx", None)] == ["fr", "other", "none"]


def test_a_record_that_is_no_article_is_a_dead_letter_but_no_article() -> None:
    registry = CollectorRegistry()
    WorkerMetrics(registry).article(Refused(None, "invalid", "x"), record(b""), now=NOW)
    assert registry.get_sample_value("depeche_dead_letters_total", {"stage": "coder", "reason": "invalid"}) == 1
    assert not [s for f in registry.collect() if f.name == "depeche_articles" for s in f.samples]


def test_a_record_of_fausts_consumer_keeps_its_place_time_and_bytes() -> None:
    message = SimpleNamespace(
        topic=MENTIONS.name(), partition=2, offset=5, timestamp=1462176000.5, key=b"k", value=None
    )
    read = wiring.incoming(message)
    assert (read.topic, read.partition, read.offset, read.key, read.value) == ("news.mentions", 2, 5, b"k", None)
    assert read.timestamp is not None
    assert read.timestamp.isoformat() == "2016-05-02T08:00:00.500000+00:00"
    for none in (-0.001, 0, None, 9e15, float("nan")):
        assert wiring.incoming(SimpleNamespace(**{**vars(message), "timestamp": none})).timestamp is None
