"""What any producer must do for the publisher, as tests: run on a producer in memory, and on the real broker."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass

from connectors.publishing.producer import Headers, Producer, ProducerError, RecordTooLargeError
from connectors.publishing.publisher import Publisher
from connectors.settings import PublisherSettings
from schemas.article import Article
from schemas.dead_letter import DeadLetter
from schemas.topics import ARTICLES, BACKFILL, DEAD_LETTERS
from tests.connectors.making import article


@dataclass(frozen=True)
class Stored:
    """A record on a topic."""

    key: bytes | None
    value: bytes
    headers: Headers


class Log:
    """Topics in memory, behind a producer that can be told to misbehave."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Stored]] = {}
        self.refuse_connections = 0
        self.fail_sends = 0
        self.wedge_after: int | None = None
        self.max_bytes = 10**9
        self.producers = 0
        self.waiting = 0
        self.most_waiting = 0

    def connect(self, settings: PublisherSettings) -> Producer:
        if self.refuse_connections:
            self.refuse_connections -= 1
            msg = "no broker"
            raise ProducerError(msg)
        self.producers += 1
        return MemoryProducer(self)


class MemoryProducer:
    """Acknowledges from a thread of its own, as a client does."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.closed = False

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes,
        headers: Headers,
        on_ack: Callable[[int, int], None],
        on_error: Callable[[ProducerError], None],
    ) -> None:
        log = self.log
        if len(value) > log.max_bytes:
            msg = f"{len(value)} bytes"
            raise RecordTooLargeError(msg)
        if (left := log.wedge_after) is not None:
            if left == 0:
                return  # never answers
            log.wedge_after = left - 1
        if log.fail_sends:
            log.fail_sends -= 1
            threading.Thread(target=on_error, args=(ProducerError("leader gone"),)).start()
            return
        log.waiting += 1
        log.most_waiting = max(log.most_waiting, log.waiting)

        def acknowledge() -> None:
            records = log.topics.setdefault(topic, [])
            records.append(Stored(key, value, headers))
            log.waiting -= 1
            on_ack(0, len(records) - 1)

        threading.Thread(target=acknowledge).start()

    def close(self, timeout: float) -> None:
        self.closed = True


class PublisherContract:
    """The tests. A subclass gives the fixtures `publisher` and `stored`."""

    def test_articles_are_acknowledged_in_order_with_key_and_headers(
        self, publisher: Publisher, stored: Callable[[str, int], list[Stored]]
    ) -> None:
        articles = [article(number) for number in range(1, 51)]
        deliveries = publisher.publish(articles, threading.Event())
        assert [delivery.status for delivery in deliveries] == ["acknowledged"] * 50
        assert [delivery.article_id for delivery in deliveries] == [sent.article_id for sent in articles]
        assert all(delivery.offset >= 0 for delivery in deliveries)
        records = stored(ARTICLES.suffix, 50)
        assert {Article.from_bytes(record.value) for record in records} == set(articles)
        for record in records:
            sent = Article.from_bytes(record.value)
            assert record.key == sent.article_id.encode()
            assert dict(record.headers)["ce_id"] == f"{sent.article_id}:{sent.version}".encode()
            assert dict(record.headers)["ce_source"] == b"/depeche/connectors/feed"

    def test_backfill_goes_its_own_way(self, publisher: Publisher, stored: Callable[[str, int], list[Stored]]) -> None:
        publisher.publish([article()], threading.Event(), backfill=True)
        assert len(stored(BACKFILL.suffix, 1)) == 1
        assert stored(ARTICLES.suffix, 0) == []

    def test_nothing_to_publish_is_done_at_once(self, publisher: Publisher) -> None:
        assert publisher.publish([], threading.Event()) == []

    def test_an_article_over_the_limit_is_a_dead_letter_and_the_others_pass(
        self, publisher: Publisher, stored: Callable[[str, int], list[Stored]]
    ) -> None:
        large = article(2, text="énorme " * 200_000)
        deliveries = publisher.publish([article(1), large, article(3)], threading.Event())
        assert [delivery.status for delivery in deliveries] == ["acknowledged", "dead_letter", "acknowledged"]
        assert "more than 1000000" in str(deliveries[1].error)
        (record,) = stored(DEAD_LETTERS.suffix, 1)
        letter = DeadLetter.from_bytes(record.value)
        assert (letter.reason, letter.stage, letter.partition) == ("too_large", "connector", -1)
        assert letter.original_key() == record.key == large.article_id.encode()
        assert "g2" in letter.error
        assert json.loads(record.value)["schema_version"] == "1"
        assert len(stored(ARTICLES.suffix, 2)) == 2
