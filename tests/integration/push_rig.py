"""A push server on loopback for tests, with its client, its hub, and a broker in memory where none is given."""

from __future__ import annotations

import gzip
import http.client
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema

from connectors.metrics import ConnectorMetrics
from connectors.publishing.publisher import Publisher
from connectors.push.hubs import Asker
from connectors.push.server import PushServer, check_push
from connectors.push.websub import Ask
from connectors.settings import ConnectorSettings, FetchSettings, PublisherSettings, PushSettings
from connectors.state import State
from connectors.web.fetch import Fetched, FetchFailure, Request
from connectors.web.fetcher import Ended
from schemas.access import KafkaAccess
from schemas.article import Article
from tests.connectors.publishing.contract import Log

DEADLINE = 60.0
TOKEN = "geheim-0123456789"


def until(condition: Callable[[], bool], what: str = "it") -> None:
    give_up = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < give_up, f"{what} never came true"
        time.sleep(0.02)


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found

    @property
    def outcomes(self) -> list[object]:
        articles = self.json["articles"]
        assert isinstance(articles, list)
        return [article["outcome"] for article in articles]

    @property
    def detail(self) -> str:
        return str(self.json["detail"])


@dataclass
class SilentHub:
    """A fetcher that keeps what it was asked, and answers what it is told."""

    asked: list[tuple[Request, Ask]] = field(default_factory=list)
    result: Fetched | FetchFailure = field(default_factory=lambda: Fetched(202, "https://hub.example/"))

    def start(self, request: Request, token: Ask, replies: queue.SimpleQueue[Ended[Ask]]) -> None:
        self.asked.append((request, token))
        replies.put(Ended(token, request, datetime.now(UTC), 0.0, 0.0, self.result))


OPENAPI = json.loads((resources.files("connectors.push") / "data" / "openapi.json").read_text("utf-8"))


def assert_as_described(answer: Answer) -> None:
    """Hold an answer of POST /articles to the description that is given to users."""
    responses = OPENAPI["paths"]["/articles"]["post"]["responses"]
    described = OPENAPI["components"]["responses"][responses[str(answer.status)]["$ref"].rsplit("/", 1)[1]]
    ((kind, content),) = described["content"].items()
    assert answer.headers["content-type"] == kind
    jsonschema.Draft202012Validator({**content["schema"], "components": OPENAPI["components"]}).validate(answer.json)
    assert set(described.get("headers", {})) <= {name.title() for name in answer.headers}
    if kind == "application/problem+json":
        assert answer.json["status"] == answer.status


class PushRig:
    """The server and what is around it."""

    def __init__(
        self,
        folder: Path,
        push: PushSettings,
        *,
        bootstrap: str | None = None,
        prefix: str = "news",
        fetch: FetchSettings | None = None,
        read_seconds: float = DEADLINE,
        fetcher: Asker | None = None,
    ) -> None:
        self.log = Log()
        self.metrics = ConnectorMetrics()
        check_push(push)  # before anything is opened
        self.state = State(folder / "state.sqlite")
        self.now = datetime.now(UTC)
        self.hub = SilentHub()
        self.delivered: list[tuple[str, bytes, str | None]] = []
        self.take_deliveries = True
        self.subscribed: set[str] | None = None
        publisher = PublisherSettings(
            KafkaAccess(bootstrap or "memory"), prefix, retry_seconds=0.05, stall_seconds=20.0, connect_seconds=2.0
        )
        self.publisher = (
            Publisher(publisher, self.metrics)
            if bootstrap
            else Publisher(publisher, self.metrics, factory=self.log.connect)
        )
        self.settings = ConnectorSettings(
            publisher, folder / "state.sqlite", push=push, fetch=fetch or FetchSettings(max_body_bytes=100_000)
        )
        self.server = PushServer(
            self.settings,
            self.state,
            self.publisher,
            self.metrics,
            fetcher=fetcher or self.hub,
            deliver=self._deliver,
            clock=lambda: self.now,
            subscribed=lambda: self.state.feeds().keys() if self.subscribed is None else self.subscribed,
            read_seconds=read_seconds,
        )
        self.stop = threading.Event()
        self.failure: list[BaseException] = []

    def _deliver(self, feed_url: str, body: bytes, content_type: str | None) -> bool:
        if self.take_deliveries:
            self.delivered.append((feed_url, body, content_type))
        return self.take_deliveries

    def _run(self) -> None:
        try:
            self.server.run(self.stop)
        except Exception as error:  # noqa: BLE001 - what ended it is the test's to judge
            self.failure.append(error)

    @contextmanager
    def running(self) -> Iterator[PushRig]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            until(lambda: self.server.url is not None or bool(self.failure), "listening")
            yield self
        finally:
            self.stop.set()
            thread.join(DEADLINE)
            assert not thread.is_alive()
            self.publisher.close()
            self.state.close()

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.server.url or "")
        return parts.hostname or "", parts.port or 0

    def ask(
        self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection(*self.address, timeout=DEADLINE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def post(
        self,
        content: object,
        *,
        path: str = "/articles",
        kind: str = "application/json",
        token: str | None = TOKEN,
        compress: bool = False,
        **headers: str,
    ) -> Answer:
        """Post articles; what is not bytes as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        sent = {"Content-Type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if compress:
            body, sent["Content-Encoding"] = gzip.compress(body), "gzip"
        answer = self.ask("POST", path, body, sent)
        if urlsplit(path).path == "/articles":
            assert_as_described(answer)
        return answer

    def raw(self, *pieces: bytes) -> bytes:
        """Send bytes as they are and read until the server closes."""
        with socket.create_connection(self.address, timeout=DEADLINE) as connection:
            for piece in pieces:
                connection.sendall(piece)
            answer = b""
            while piece := connection.recv(65_536):
                answer += piece
            return answer

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def requests(self, outcome: str) -> float:
        return self.value("depeche_push_requests_total", outcome=outcome)

    def in_memory(self) -> list[Article]:
        return [Article.from_bytes(record.value) for record in self.log.topics.get("news.articles", [])]
