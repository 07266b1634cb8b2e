"""From feeds and folders to `<prefix>.articles` on a real broker: nothing lost, whatever is killed on the way."""

import gc
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from connectors.metrics import ConnectorMetrics
from connectors.publishing.producer import KafkaPythonProducer
from connectors.publishing.publisher import Publisher
from connectors.runner import ConnectorRunner
from connectors.settings import ConnectorSettings, FetchSettings, PublisherSettings, Subscription
from depeche.broker import EmbeddedBroker
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.article import Source
from schemas.dead_letter import DeadLetter
from schemas.topics import ARTICLES
from tests.connectors.making import article
from tests.connectors.publishing.contract import PublisherContract, Stored
from tests.integration.feed_server import FeedServer, Page, rss
from tests.integration.topic_records import articles, records

pytestmark = pytest.mark.integration
DEADLINE = 90.0
FETCH = FetchSettings(total_seconds=2.0, host_gap_seconds=0.0, host_concurrency=8, allow_private_addresses=True)


def until(condition: Callable[[], bool], what: str = "it") -> None:
    give_up = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < give_up, f"{what} never came true"
        time.sleep(0.05)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer().running() as running:
        yield running


@contextmanager
def running(settings: ConnectorSettings) -> Iterator[ConnectorRunner]:
    # By chance one poll in a hundred sends no validators: here all do.
    runner = ConnectorRunner(settings, randomness=lambda: 0.5)
    stop = threading.Event()
    status: list[int] = []
    thread = threading.Thread(target=lambda: status.append(runner.run(stop)))
    thread.start()
    try:
        yield runner
    finally:
        stop.set()
        thread.join(60)
        assert status == [0]


def connector_settings(
    bootstrap: str, prefix: str, folder: Path, *urls: str, drops: tuple[Path, ...] = ()
) -> ConnectorSettings:
    return ConnectorSettings(
        PublisherSettings(KafkaAccess(bootstrap), prefix),
        folder / "state.sqlite",
        feeds=tuple(Subscription(url, Source(id=url.rsplit("/", 1)[1])) for url in urls),
        drops=drops,
        drop_interval=timedelta(milliseconds=200),
        poll_feeds=bool(urls),
        poll_interval=timedelta(milliseconds=300),
        fetch=FETCH,
        full_text=False,
    )


class TestPublisherOnKafka(PublisherContract):
    """The contract on the real broker."""

    @pytest.fixture
    def publisher(self, broker: EmbeddedBroker, fresh_prefix: str) -> Iterator[Publisher]:
        ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
        publisher = Publisher(PublisherSettings(KafkaAccess(broker.address), fresh_prefix, max_article_bytes=1_000_000))
        yield publisher
        publisher.close()

    @pytest.fixture
    def stored(self, broker: EmbeddedBroker, fresh_prefix: str) -> Callable[[str, int], list[Stored]]:
        return lambda suffix, _: records(broker.address, f"{fresh_prefix}.{suffix}")


def test_feeds_and_files_arrive_with_their_edits_and_a_broken_feed_disturbs_no_other(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path, server: FeedServer
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    server.pages["/good"] = Page(rss(("1", "Un."), ("2", "Deux.")))
    server.pages["/broken"] = Page(b"\x00garbage" * 100)
    server.pages["/down"] = Page(b"sorry", 500)
    server.pages["/page"] = Page(b"<!DOCTYPE html><html><body>Bonjour</body></html>")
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "depeche.txt").write_text("Un texte déposé.", encoding="utf-8")
    urls = [server.url(path) for path in ("/good", "/broken", "/down", "/page", "/gone")]

    def texts() -> list[str]:
        return sorted(found.text for found in articles(broker.address, fresh_prefix))

    with running(connector_settings(broker.address, fresh_prefix, tmp_path, *urls, drops=(drop,))) as runner:
        until(lambda: texts() == ["Deux.", "Un texte déposé.", "Un."], "the first articles")
        until(lambda: ("/good", 304) in server.statuses, "a poll answered by 304")
        until(lambda: ("/down", 500) in server.statuses, "the server that fails asked")
        assert runner.health().ready
        server.pages["/good"] = Page(rss(("3", "Trois."), ("1", "Un, corrigé."), ("2", "Deux.")))
        server.pages["/down"] = Page(rss(("9", "De retour.")))
        expected = ["De retour.", "Deux.", "Trois.", "Un texte déposé.", "Un, corrigé.", "Un."]
        until(lambda: texts() == expected, "the edit and the new entries")
        value = runner.registry.get_sample_value

        def polls(outcome: str) -> float:
            return value("depeche_feed_polls_total", {"outcome": outcome}) or 0

        for outcome in ("malformed", "web_page", "http_client"):
            until(lambda outcome=outcome: polls(outcome) >= 1, f"a failure counted as {outcome}")  # type: ignore[misc] # mypy takes the default for an argument
        assert polls("http_server") >= 1
        # What is on the topic is counted a moment later, and what is committed still later.
        until(lambda: value("depeche_articles_published_total", {"connector": "feed"}) == 5, "five articles counted")
        until(lambda: value("depeche_articles_published_total", {"connector": "folder"}) == 1, "the file counted")
        until(lambda: value("depeche_entries_total", {"connector": "feed", "fate": "edited"}) == 1, "the edit counted")
    versions = [found for found in articles(broker.address, fresh_prefix) if found.identity.guid == "1"]
    assert len({found.article_id for found in versions}) == 1
    assert max(versions, key=lambda found: found.revision).text == "Un, corrigé."
    # Started anew, the connector knows all this, and asks with the validators it was given.
    asked = len(server.requests)
    with running(connector_settings(broker.address, fresh_prefix, tmp_path, urls[0], drops=(drop,))):
        until(lambda: len(server.requests) >= asked + 2, "two more polls")
    assert server.requests[asked][1].get("If-None-Match") == server.pages["/good"].etag
    assert len(texts()) == 6


def test_articles_of_any_size_and_script_arrive_as_they_are(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    drop = tmp_path / "drop"
    drop.mkdir()
    texts = {
        "empty": "",
        "arabic": "وصل الوزير إلى باريس",
        "astral": "👩‍👩‍👧 à Paris 𝔘𝔫𝔦",
        "large": "à " * 6_500_000,
        "larger": "é" * 14_000_000,
    }
    for name, text in texts.items():
        (drop / f"{name}.txt").write_text(text, encoding="utf-8", newline="")
    (drop / "lines.jsonl").write_bytes(b'{"id": "lone", "text": "lone \\ud83d surrogate"}\n{"id": broken\n')
    letters = f"{fresh_prefix}.dead-letters"
    with running(connector_settings(broker.address, fresh_prefix, tmp_path, drops=(drop,))) as runner:
        until(lambda: bool(records(broker.address, letters)), "the dead letter")
        until(
            lambda: runner.registry.get_sample_value("depeche_articles_published_total", {"connector": "folder"}) == 5,
            "five articles",
        )
    found = {item.identity.guid: item.text for item in articles(broker.address, fresh_prefix)}
    assert found.pop("lone") == "lone \ufffd surrogate"
    assert found == {name: text for name, text in texts.items() if name != "larger"}
    (letter,) = records(broker.address, letters)
    assert json.loads(letter.value)["reason"] == "too_large"


def test_a_topic_that_takes_less_than_we_do_costs_only_what_it_does_not_take(
    broker: EmbeddedBroker, fresh_prefix: str
) -> None:
    """As where an operator set a smaller limit: kafka-python then fails whatever else is under way."""
    access = KafkaAccess(broker.address)
    ensure_topics(access, prefix=fresh_prefix)
    limited(access, ARTICLES.name(fresh_prefix), 100_000)
    sizes = [300_000 if number in (10, 11, 30) else 200 for number in range(60)]
    sent = [article(number, text=random.Random(number).randbytes(size).hex()) for number, size in enumerate(sizes)]
    metrics = ConnectorMetrics()
    publisher = Publisher(PublisherSettings(access, fresh_prefix), metrics)
    try:
        deliveries = publisher.publish(sent, threading.Event())
        again = publisher.publish([article(99)], threading.Event())
    finally:
        publisher.close()
    became = ["dead_letter" if size > 200 else "acknowledged" for size in sizes]
    assert [one.status for one in (*deliveries, *again)] == [*became, "acknowledged"]
    assert {item.text for item in articles(broker.address, fresh_prefix)} == {
        one.text for one, size in zip(sent, sizes, strict=True) if size == 200
    } | {article(99).text}
    letters = [
        DeadLetter.from_bytes(record.value) for record in records(broker.address, f"{fresh_prefix}.dead-letters")
    ]
    assert {letter.original_value() for letter in letters} == {
        one.to_bytes() for one, size in zip(sent, sizes, strict=True) if size > 200
    }
    assert {letter.reason for letter in letters} == {"too_large"}


def limited(access: KafkaAccess, topic: str, limit: int) -> None:
    """Have the brokers take no record of a topic that is larger, in bytes."""
    admin = KafkaAdminClient(**access.client_options())
    try:
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic, configs={"max.message.bytes": str(limit)})]
        )
    finally:
        admin.close()


def test_a_broker_killed_and_restarted_while_publishing_has_every_article_once_by_id(
    own_broker: EmbeddedBroker, fresh_prefix: str
) -> None:
    ensure_topics(KafkaAccess(own_broker.address), prefix=fresh_prefix)
    metrics = ConnectorMetrics()
    publisher = Publisher(
        PublisherSettings(KafkaAccess(own_broker.address), fresh_prefix, max_in_flight=50, stall_seconds=20.0), metrics
    )
    sent = [article(number) for number in range(6_000)]
    statuses: list[str] = []

    def publish() -> None:
        for start in range(0, len(sent), 200):
            deliveries = publisher.publish(sent[start : start + 200], threading.Event())
            statuses.extend(delivery.status for delivery in deliveries)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        for wanted in (400, 2_500):
            until(lambda wanted=wanted: len(statuses) >= wanted, f"{wanted} articles published")  # type: ignore[misc] # mypy takes the default for an argument
            own_broker.kill()
            in_flight = metrics.registry.get_sample_value("depeche_publish_in_flight")
            assert in_flight is not None
            assert in_flight <= 50
            own_broker.start()
        thread.join(DEADLINE)
        assert not thread.is_alive()
    finally:
        publisher.close()
    assert statuses == ["acknowledged"] * len(sent)
    found = articles(own_broker.address, fresh_prefix)
    assert {item.article_id for item in found} == {item.article_id for item in sent}


def test_a_broker_that_hangs_costs_a_producer_and_no_article(own_broker: EmbeddedBroker, fresh_prefix: str) -> None:
    ensure_topics(KafkaAccess(own_broker.address), prefix=fresh_prefix)
    metrics = ConnectorMetrics()
    settings = PublisherSettings(KafkaAccess(own_broker.address), fresh_prefix, stall_seconds=1.0, connect_seconds=2.0)
    publisher = Publisher(settings, metrics)
    publisher.publish([article(0)], threading.Event())
    threads = threading.active_count()

    def rebuilt() -> float:
        return metrics.registry.get_sample_value("depeche_producer_rebuilds_total") or 0

    before = rebuilt()
    own_broker.send_signal(signal.SIGSTOP)
    sent = [article(number) for number in range(1, 500)]
    statuses: list[str] = []
    thread = threading.Thread(
        target=lambda: statuses.extend(item.status for item in publisher.publish(sent, threading.Event()))
    )
    thread.start()
    try:
        until(lambda: rebuilt() > before, "a producer thrown away")
    finally:
        own_broker.send_signal(signal.SIGCONT)
    thread.join(DEADLINE)
    assert statuses == ["acknowledged"] * len(sent)
    assert metrics.registry.get_sample_value("depeche_publish_in_flight") == 0
    until(lambda: threading.active_count() <= threads, "the end of the threads of what was thrown away")
    publisher.close()
    found = {item.article_id for item in articles(own_broker.address, fresh_prefix)}
    assert found == {item.article_id for item in [article(0), *sent]}


def test_a_producer_let_go_with_a_record_under_way_complains_to_nobody(
    own_broker: EmbeddedBroker, fresh_prefix: str
) -> None:
    ensure_topics(KafkaAccess(own_broker.address), prefix=fresh_prefix)
    threads = threading.active_count()
    producer = KafkaPythonProducer(PublisherSettings(KafkaAccess(own_broker.address), fresh_prefix))
    answers: list[str] = []

    def send(producer: KafkaPythonProducer) -> None:
        producer.send(
            ARTICLES.name(fresh_prefix),
            key=b"k",
            value=b"v",
            headers=[],
            on_ack=lambda _partition, _offset: answers.append("acknowledged"),
            on_error=lambda error: answers.append(type(error).__name__),
        )

    send(producer)
    until(lambda: len(answers) == 1, "the first answer")
    own_broker.send_signal(signal.SIGSTOP)
    try:
        send(producer)
        producer.close(0)
        del producer
        # Its thread is the last to hold it, and the one in which it is deleted. An exception that nobody can catch
        # there is this test's failure.
        until(lambda: threading.active_count() <= threads, "the end of its thread")
        gc.collect()
    finally:
        own_broker.send_signal(signal.SIGCONT)
    assert answers == ["acknowledged", "ProducerError"]


def test_a_broker_that_is_not_there_yet_is_waited_for(
    own_broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    ensure_topics(KafkaAccess(own_broker.address), prefix=fresh_prefix)
    address = own_broker.address
    own_broker.stop()
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "a.txt").write_text("Un texte.", encoding="utf-8")
    with running(connector_settings(address, fresh_prefix, tmp_path, drops=(drop,))) as runner:
        until(lambda: runner.health().healthy, "a living connector")
        assert not runner.health().ready
        assert own_broker.start() == address
        until(lambda: runner.health().ready, "the connection")
        until(lambda: len(articles(address, fresh_prefix)) == 1, "the article")


_CONNECTOR = """
import os, signal, sys, threading
from datetime import timedelta
from pathlib import Path
import connectors.runner
from connectors.state import State
from tests.integration.test_connectors_delivery import connector_settings

bootstrap, prefix, folder, url, deaths = sys.argv[1:]
left = [int(deaths)]

class Mortal(State):
    def commit(self, change):
        if change.seen:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)  # the broker has the articles, the state does not
        super().commit(change)

connectors.runner.State = Mortal
settings = connector_settings(bootstrap, prefix, Path(folder), url, drops=(Path(folder) / "drop",))
sys.exit(connectors.runner.ConnectorRunner(settings).run(threading.Event()))
"""


def test_a_connector_killed_between_produce_and_commit_does_it_again_with_the_same_ids(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path, server: FeedServer
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    server.pages["/rss"] = Page(rss(*((f"f{number}", f"Texte {number}.") for number in range(40))))
    drop = tmp_path / "drop"
    drop.mkdir()
    lines = [json.dumps({"id": f"l{number}", "text": f"Ligne {number}."}) for number in range(500)]
    (drop / "lines.jsonl").write_text("\n".join(lines), encoding="utf-8")
    arguments = [broker.address, fresh_prefix, str(tmp_path), server.url("/rss")]
    for commits in (1, 2, 3):
        command = [sys.executable, "-c", _CONNECTOR, *arguments, str(commits)]
        ended = subprocess.run(command, check=False, timeout=DEADLINE, capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        server.pages["/rss"] = Page(rss(("new", f"Nouveau {commits}."), *((f"f{n}", f"Texte {n}.") for n in range(40))))

    def keys() -> set[str]:
        return {item.identity.key for item in articles(broker.address, fresh_prefix)}

    expected = {f"f{number}" for number in range(40)} | {f"l{number}" for number in range(500)} | {"new"}
    settings = connector_settings(broker.address, fresh_prefix, tmp_path, arguments[3], drops=(drop,))
    with running(settings):
        until(lambda: keys() == expected, "every article")
        until(lambda: server.statuses[-1][1] == 304, "the validators of the last state")
    found = articles(broker.address, fresh_prefix)
    assert len(found) > len(expected)  # some came twice …
    assert len({item.article_id for item in found}) == len(expected)  # … under the same ids
    unedited = [item for item in found if item.identity.key != "new"]
    assert len({(item.article_id, item.version) for item in unedited}) == 540
