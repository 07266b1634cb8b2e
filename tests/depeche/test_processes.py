from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from depeche.cluster import ClusterError
from depeche.exits import MisuseError
from depeche.processes import (
    connector_settings,
    forget_secrets,
    run_connectors,
    stream_settings,
    subscriptions,
    wait_for_broker,
)
from depeche.settings import Settings, load
from schemas.access import KafkaAccess

OPML = """<opml version="2.0"><head/><body>
<outline text="Un" type="rss" xmlUrl="https://one.example/feed"/>
<outline text="Deux" type="rss" xmlUrl="https://two.example/feed"/>
</body></opml>"""


def settings(**values: object) -> Settings:
    return load(options=values).settings


def test_each_worker_has_tables_of_its_own() -> None:
    one, two = (stream_settings(settings(), KafkaAccess("b:1"), number) for number in (1, 2))
    assert one.data_folder != two.data_folder
    assert one.data_folder.is_absolute()
    assert one.group == two.group


@pytest.mark.parametrize("seconds", [2.0, 6.0, 300.0])
def test_every_session_that_can_be_set_is_one_that_the_worker_takes(seconds: float) -> None:
    assert stream_settings(settings(session_seconds=seconds), KafkaAccess("b:1"), 1).session_seconds == seconds


def test_the_user_s_lists_replace_the_shipped_one_and_feeds_count_once() -> None:
    Path("a.opml").write_text(OPML)
    Path("b.opml").write_text(OPML.replace("two", "three"))
    found = subscriptions(settings(feeds=(Path("a.opml"), Path("b.opml"))))
    assert [feed.url.split("/")[2] for feed in found] == ["one.example", "two.example", "three.example"]
    assert len(subscriptions(settings())) > 0


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), ("<html/>", "my.opml: "), ("", "my.opml: ")])
def test_a_list_that_can_not_be_used_is_named(content: str | None, reason: str) -> None:
    if content is not None:
        Path("my.opml").write_text(content)
    with pytest.raises(MisuseError, match=rf"feed list my\.opml: .*{'' if content is not None else reason}"):
        subscriptions(settings(feeds=(Path("my.opml"),)))


def test_the_connectors_get_what_is_set() -> None:
    made = connector_settings(
        settings(
            poll_feeds=False,
            drops=(Path("in"),),
            poll_seconds=60,
            drop_seconds=0.5,
            contact="a@b.example",
            prefix="p",
            compression="none",
            allow_private_addresses=True,
        ),
        KafkaAccess("b:1"),
    )
    assert made.feeds == ()
    assert made.drops == (Path("in").absolute(),)
    assert made.poll_interval == timedelta(seconds=60)
    assert made.fetch.user_agent.endswith("(+a@b.example)")
    assert (made.publisher.access.bootstrap, made.publisher.prefix) == ("b:1", "p")
    assert made.state_path.is_absolute()
    assert made.drop_interval == timedelta(seconds=0.5)
    assert made.publisher.compression == "none"
    assert made.fetch.allow_private_addresses
    assert not connector_settings(settings(poll_feeds=False), KafkaAccess("b:1")).fetch.allow_private_addresses


def test_a_compression_that_is_not_installed_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.publishing.producer.has_zstd", lambda: False)
    with pytest.raises(MisuseError, match="compression zstd needs the package zstandard"):
        run_connectors(settings(poll_feeds=False, compression="zstd"), KafkaAccess("b:1"), port=0, supervised=False)


class Waiting:
    """A wait for a broker, and the time that it takes."""

    def __init__(self, *, comes_after: int, asked_to_stop_after: int = 1_000_000) -> None:
        self.now = 0.0
        self._left = comes_after
        self._stop = asked_to_stop_after

    def check(self, _access: KafkaAccess) -> None:
        self._left -= 1
        if self._left >= 0:
            raise ClusterError("nobody there")

    def pause(self, seconds: float) -> bool:
        self.now += seconds
        return self.now >= self._stop

    def wait(self) -> bool:
        return wait_for_broker(KafkaAccess("b:1"), pause=self.pause, check=self.check, clock=lambda: self.now)


def test_a_broker_that_comes_late_is_waited_for_and_that_is_said_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert Waiting(comes_after=3).wait()
    assert [record.message for record in caplog.records] == ["nobody there; waiting for it"]
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert Waiting(comes_after=86_400).wait()
    assert len(caplog.records) == 1440


def test_a_wait_for_a_broker_ends_when_a_stop_is_asked_for() -> None:
    waiting = Waiting(comes_after=86_400, asked_to_stop_after=5)
    assert not waiting.wait()
    assert waiting.now == 5


def test_secrets_leave_the_environment_and_nothing_else_does() -> None:
    environment = {"DEPECHE_KAFKA_PASSWORD": "x", "DEPECHE_PUSH_TOKEN": "y", "DEPECHE_PREFIX": "news", "PATH": "/bin"}
    forget_secrets(environment)
    assert environment == {"DEPECHE_PREFIX": "news", "PATH": "/bin"}
