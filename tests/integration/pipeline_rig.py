"""The whole pipeline for tests: real connectors (feeds, drop folder, push), a real broker, real worker processes."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from typer.testing import CliRunner

from connectors.runner import ConnectorRunner
from connectors.settings import ConnectorSettings, FetchSettings, PublisherSettings, PushSettings, Subscription
from depeche.broker.ports import pick
from depeche.command import app
from depeche.reader import ReaderError, TopicReader, committed
from schemas.access import KafkaAccess
from schemas.article import Article, Source
from schemas.event import Event
from schemas.ids import event_id
from schemas.outcome import Outcome, outcome_key
from schemas.topics import ARTICLES, BACKFILL, MENTIONS, OUTCOMES
from tests.integration.feed_server import FeedServer, Page
from tests.integration.streams_rig import DEADLINE, Rig, wait_until

TOKEN = "geheim-0123456789"
FEEDS = 8
"""Feeds that are polled from the start, empty until a test fills one."""
ACTS = ("ASSAULT", "AID", "PROTEST", "CONSULT", "ACCUSE")
"""What the texts of the tests tell: one event each, for each day."""
Standing = dict[str, tuple[str, int]]
"""Status and number of articles of each event, by its type."""


def act(plover: str, day: str) -> str:
    """Return the line that tells the fake coder of an act, one that no other test tells on its own day."""
    return f"EVENT {plover} FRA>MLI {day}"


def rss(*items: tuple[str, str, str]) -> bytes:
    """Write a feed: (guid, text, other elements as XML) for each item."""
    body = "".join(
        f'<item><guid isPermaLink="false">{escape(guid)}</guid><title>Titre</title>{more}'
        f"<description><![CDATA[<p>{'</p><p>'.join(text.split(chr(10)))}</p>]]></description></item>"
        for guid, text, more in items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">'
        f"<channel><title>J</title><link>https://journal.example/</link>{body}</channel></rss>"
    ).encode()


def atom_updated(moment: datetime) -> str:
    """Return the element that says when an entry was last changed."""
    return f"<atom:updated>{moment.isoformat()}</atom:updated>"


def ninjs(
    uri: str,
    text: str = "",
    *,
    version: int | None = None,
    made: datetime | None = None,
    killed: bool = False,
    correction: bool = False,
    embargoed: datetime | None = None,
) -> bytes:
    """Write an item of ninjs 2."""
    fields: dict[str, object] = {"uri": uri, "type": "text", "pubstatus": "canceled" if killed else "usable"}
    if text:
        fields["bodies"] = [{"role": "main", "contenttype": "text/plain", "value": text}]
    if version is not None:
        fields["version"] = str(version)
    if made is not None:
        fields["versioncreated"] = made.isoformat()
    if correction:
        fields["signal"] = [{"code": "sig:correction"}]
    if embargoed is not None:
        fields["embargoed"] = embargoed.isoformat()
    return json.dumps(fields).encode()


def newsml(guid: str, text: str = "", *, version: int, made: datetime, killed: bool = False) -> bytes:
    """Write an item of NewsML-G2."""
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in text.split("\n"))
    content = (
        "<contentSet><inlineXML contenttype='application/xhtml+xml'><html xmlns='http://www.w3.org/1999/xhtml'>"
        f"<body>{paragraphs}</body></html></inlineXML></contentSet>"
    )
    return (
        f'<newsItem xmlns="http://iptc.org/std/nar/2006-10-01/" guid="{guid}" version="{version}" standard="NewsML-G2">'
        f'<itemMeta><itemClass qcode="ninat:text"/><versionCreated>{made.isoformat()}</versionCreated>'
        f'<pubStatus qcode="stat:{"canceled" if killed else "usable"}"/></itemMeta>'
        f"<contentMeta><headline>Titre</headline></contentMeta>{'' if killed else content}</newsItem>"
    ).encode()


@dataclass
class Connectors:
    """The connectors' process as a thread, with the folder and the server that it looks at."""

    access: KafkaAccess
    prefix: str
    folder: Path
    server: FeedServer
    full_text: bool = False
    runner: ConnectorRunner | None = None
    port: int = field(default_factory=lambda: pick(random.Random()))
    """Outside of the range that the workers' own connections are given ports from."""
    drops: int = 0

    def __post_init__(self) -> None:
        self.drop_folder.mkdir(parents=True, exist_ok=True)
        for number in range(FEEDS):
            self.server.pages.setdefault(f"/feed-{number}", Page(rss()))

    @property
    def drop_folder(self) -> Path:
        return self.folder / "drop"

    def source(self, number: int) -> str:
        """Return the source of a feed."""
        return f"journal-{number}.example"

    def _settings(self) -> ConnectorSettings:
        return ConnectorSettings(
            PublisherSettings(self.access, self.prefix),
            self.folder / "connectors.sqlite",
            feeds=tuple(
                Subscription(
                    self.server.url(f"/feed-{number}"), Source(id=self.source(number)), timedelta(milliseconds=500)
                )
                for number in range(FEEDS)
            ),
            drops=(self.drop_folder,),
            drop_interval=timedelta(milliseconds=200),
            fetch=FetchSettings(
                total_seconds=60.0, host_gap_seconds=0.0, host_concurrency=16, allow_private_addresses=True
            ),
            full_text=self.full_text,
            push=PushSettings(port=self.port, token=TOKEN),
        )

    @contextmanager
    def running(self) -> Iterator[Connectors]:
        """Run until the end of the block; the state stays for another run."""
        self.runner = ConnectorRunner(self._settings())
        stop = threading.Event()
        status: list[int] = []
        thread = threading.Thread(target=lambda: status.append(self.runner.run(stop) if self.runner else -1))
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join(60)
            assert status == [0]

    def list_in_feed(self, number: int, *items: tuple[str, str] | tuple[str, str, str]) -> None:
        """Have a feed show these items."""
        self.server.pages[f"/feed-{number}"] = Page(
            rss(*((guid, text, more[0] if more else "") for guid, text, *more in items))
        )

    def drop(self, content: bytes, suffix: str) -> None:
        """Put a file in the folder, under a new name, whole at once."""
        self.drops += 1
        unfinished = self.drop_folder / f"{self.drops:04}{suffix}.part"
        unfinished.write_bytes(content)
        unfinished.rename(unfinished.with_suffix(""))

    def post(self, *articles: Mapping[str, object]) -> list[str]:
        """Push articles; return the outcome of each. The connectors may still be starting."""
        end = time.monotonic() + 120
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                connection.request(
                    "POST",
                    "/articles",
                    json.dumps(list(articles)).encode(),
                    {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"},
                )
                answer = connection.getresponse()
                told: dict[str, Any] = json.loads(answer.read())
            except ConnectionError:
                assert time.monotonic() < end, "nobody listens"
                time.sleep(0.1)
            else:
                if answer.status == 503:
                    assert time.monotonic() < end, told
                    continue
                assert answer.status in {200, 207, 422}, told
                return [str(one["outcome"]) for one in told["articles"]]
            finally:
                connection.close()

    def fate(self, connector: str, fate: str) -> float:
        """Return how many entries had a fate since this run began."""
        assert self.runner is not None
        value = self.runner.registry.get_sample_value
        return value("depeche_entries_total", {"connector": connector, "fate": fate}) or 0.0


@dataclass
class Pipeline:
    """Connectors, topics, workers."""

    rig: Rig
    connectors: Connectors
    used: set[str] = field(default_factory=set)

    def new_day(self) -> str:
        """Return a day on which no test before has told of an act."""
        day = (datetime(2016, 1, 1, tzinfo=UTC) + timedelta(days=len(self.used))).date().isoformat()
        self.used.add(day)
        return day

    def versions(self, guid: str) -> list[Article]:
        """Return what is on the topics of an article, in the order of its versions."""
        return sorted(
            (one for one in self.articles() if one.identity.guid == guid), key=lambda version: version.revision
        )

    def articles(self) -> list[Article]:
        """Return all article versions on the topics, of the live feed and of the past."""
        names = [topic.name(self.rig.prefix) for topic in (ARTICLES, BACKFILL)]
        return [Article.from_bytes(record.value) for name in names for record in self.rig.read(name)]

    def came(self, guid: str, number: int, *, where: Callable[[Article], bool] = lambda _: True) -> list[Article]:
        """Wait until so many versions of an article are on the topic; return them in their order."""

        def there() -> bool:
            self.rig.supervise()
            return len([one for one in self.versions(guid) if where(one)]) >= number

        wait_until(there, f"{number} versions of {guid}", seconds=2 * DEADLINE, state=self.rig.state)
        return self.versions(guid)

    def settled(self, days: str | Sequence[str], expected: Standing) -> dict[str, Event]:
        """Wait until all that came is worked off; hold the acts of days to what they should be; return all events.

        That all is worked off is waited for, not that the events are as they should: what still comes could spoil them.
        """
        self.wait_until_idle()
        events = self.rig.events()
        for day in [days] if isinstance(days, str) else days:
            assert standing(events, day) == expected
        return events

    def wait_until_idle(self) -> None:
        """Wait until all that came is worked off, a worker's start and its rebalance among it."""
        wait_until(self.is_idle, "all records worked off", seconds=2 * DEADLINE, state=self.rig.state)

    def is_idle(self) -> bool:
        """Say whether the workers have acknowledged all that is on their topics, first to last.

        A worker that ended to read again what it could not finish is started anew, as a supervisor does.
        """
        self.rig.supervise()
        names = [topic.name(self.rig.prefix) for topic in (ARTICLES, BACKFILL, OUTCOMES, MENTIONS)]
        try:
            with TopicReader(self.rig.access, names) as reader:
                beginnings = reader.beginnings()
                for name in names:  # in the order of the stages: what one has acknowledged, the next one's end has
                    done = committed(self.rig.access, f"{self.rig.prefix}-worker")
                    ends = {part: end for part, end in reader.ends().items() if part[0] == name}
                    if any(done.get(part, beginnings[part]) < end for part, end in ends.items()):
                        return False
        except ReaderError:  # the group has no coordinator yet
            return False
        return True

    def backfill(self, archive: Path) -> None:
        """Publish an archive as `depeche backfill` does, with the connectors' data folder."""
        where = ["--bootstrap", self.rig.access.bootstrap, "--prefix", self.rig.prefix]
        where += ["--data", str(self.connectors.folder)]
        result = CliRunner().invoke(app, ["backfill", str(archive), *where], env={"COLUMNS": "200", "TERM": "dumb"})
        assert result.exit_code == 0, result.output

    def outcome(self, article: Article) -> Outcome | None:
        """Return what became of an article version."""
        return self.rig.outcomes().get(outcome_key(article.article_id, article.version))


def standing(events: Mapping[str, Event], day: str) -> Standing:
    """Return what stands of the acts of a day, by their type."""
    ids = {
        event_id(plover=plover, actors=["FRA"], targets=["MLI"], place=None, day=day, article=""): plover
        for plover in ACTS
    }
    return {plover: (events[one].status, events[one].n_articles) for one, plover in ids.items() if one in events}


@contextmanager
def pipeline(
    access: KafkaAccess,
    prefix: str,
    folder: Path,
    *,
    workers: Sequence[str] = ("worker",),
    full_text: bool = False,
    **settings: Any,
) -> Iterator[Pipeline]:
    """Run all of it; `settings` override the workers'."""
    rig = Rig(access, prefix, folder / "streams")
    try:
        with FeedServer().running() as server:
            connectors = Connectors(access, prefix, folder / "connectors", server, full_text)
            for name in workers:
                rig.worker(name, **settings)
            with connectors.running():
                yield Pipeline(rig, connectors)
    finally:
        rig.close()
