"""Pushed articles on a real broker: there before the answer, once by id, whatever becomes of broker and server."""

import http.client
import json
import signal
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.settings import PushSettings
from depeche.broker import EmbeddedBroker
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.ids import article_id
from tests.integration.push_rig import TOKEN, PushRig, until
from tests.integration.topic_records import articles

pytestmark = pytest.mark.integration
SETTINGS = PushSettings(port=0, token=TOKEN)


def test_an_article_is_on_the_topic_before_its_answer(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    with PushRig(tmp_path, SETTINGS, bootstrap=broker.address, prefix=fresh_prefix).running() as rig:
        answer = rig.post({"id": "a", "text": "Un.", "title": "T", "language": "fr", "date": "2026-03-01T10:00:00Z"})
        (article,) = articles(broker.address, fresh_prefix)
        assert answer.outcomes == ["new"]
        assert (article.article_id, article.text, article.language) == (article_id("push", "a"), "Un.", "fr")
        assert article.published.value is not None
        assert rig.post({"id": "a", "text": "Un.", "title": "T"}).outcomes == ["unchanged"]
        assert rig.post({"id": "a", "text": "Un, corrigé.", "title": "T"}).outcomes == ["edited"]
        assert rig.post({"id": "a", "status": "killed"}).outcomes == ["edited"]
        versions = sorted(articles(broker.address, fresh_prefix), key=lambda found: found.revision)
        assert [(found.text, found.status) for found in versions] == [
            ("Un.", "usable"),
            ("Un, corrigé.", "usable"),
            ("", "killed"),
        ]
        assert rig.value("depeche_articles_published_total", connector="push") == 3
        assert rig.value("depeche_publish_seconds_count", connector="push") == 3


def test_many_at_once_and_in_bulk_all_arrive_once_by_id(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    with PushRig(tmp_path, SETTINGS, bootstrap=broker.address, prefix=fresh_prefix).running() as rig:
        lines = b"\n".join(json.dumps({"id": f"l{number}", "text": "x" * 100}).encode() for number in range(5_000))
        with ThreadPoolExecutor(16) as clients:
            bulk = clients.submit(rig.post, lines, kind="application/x-ndjson", compress=True)
            singles = [clients.submit(rig.post, {"id": f"s{number % 150}", "text": "Un."}) for number in range(300)]
            outcomes = [answer.result().outcomes for answer in singles]
            assert bulk.result().json["counts"] == {"new": 5_000}
        assert outcomes.count(["new"]) == 150
        assert outcomes.count(["unchanged"]) == 150
        found = [article.article_id for article in articles(broker.address, fresh_prefix)]
        assert len(found) == len(set(found)) == 5_150


def test_a_broker_that_is_away_is_a_503_and_each_article_is_there_once_by_id_after_its_return(
    own_broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    ensure_topics(KafkaAccess(own_broker.address), prefix=fresh_prefix)
    settings = PushSettings(port=0, token=TOKEN, ack_seconds=1.0)
    with PushRig(tmp_path, settings, bootstrap=own_broker.address, prefix=fresh_prefix).running() as rig:
        until(lambda: rig.post({"id": "before", "text": "Avant."}).status == 200, "the broker")
        own_broker.kill()
        pushed = [{"id": f"p{number}", "text": f"Texte {number}."} for number in range(20)]
        with ThreadPoolExecutor(20) as clients:
            away = [answer.result() for answer in [clients.submit(rig.post, one) for one in pushed]]
        assert {answer.status for answer in away} == {503}
        assert all("retry-after" in answer.headers for answer in away)
        assert rig.value("depeche_publish_in_flight") <= 21
        own_broker.start()
        for one in pushed:
            until(lambda one=one: rig.post(one).status == 200, f"the article {one['id']}")  # type: ignore[misc] # mypy takes the default for an argument
        assert all(rig.post(one).outcomes == ["unchanged"] for one in pushed)
    found = articles(own_broker.address, fresh_prefix)
    ids = {article_id("push", f"p{number}") for number in range(20)} | {article_id("push", "before")}
    assert {article.article_id for article in found} == ids
    assert len({(article.article_id, article.version) for article in found}) == 21


def test_pressure_while_the_broker_hangs_is_a_429_and_what_waited_is_answered_when_it_goes_on(
    own_broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    ensure_topics(KafkaAccess(own_broker.address), prefix=fresh_prefix)
    settings = PushSettings(port=0, token=TOKEN, max_waiting=5)
    with PushRig(tmp_path, settings, bootstrap=own_broker.address, prefix=fresh_prefix).running() as rig:
        until(lambda: rig.post({"id": "before", "text": "Avant."}).status == 200, "the broker")
        own_broker.send_signal(signal.SIGSTOP)
        with ThreadPoolExecutor(5) as clients:
            waiting = [clients.submit(rig.post, {"id": f"w{number}", "text": "x"}) for number in range(5)]
            until(lambda: rig.server.snapshot().details["requests"] == "5", "five requests waiting")
            assert [rig.post({"id": "over", "text": "x"}).status for _ in range(50)] == [429] * 50
            own_broker.send_signal(signal.SIGCONT)
            assert [answer.result().status for answer in waiting] == [200] * 5
    found = {article.identity.key for article in articles(own_broker.address, fresh_prefix)}
    assert found == {"before", *(f"w{number}" for number in range(5))}


_SERVER = """
import os, signal, sys, threading
from pathlib import Path
import tests.integration.push_rig as push_rig
from connectors.settings import PushSettings
from connectors.state import State

bootstrap, prefix, folder, deaths = sys.argv[1:]
left = [int(deaths)]

class Mortal(State):
    def commit(self, change):
        if change.seen:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)  # the broker has the articles, the state does not
        super().commit(change)

push_rig.State = Mortal
settings = PushSettings(port=0, token=push_rig.TOKEN)
with push_rig.PushRig(Path(folder), settings, bootstrap=bootstrap, prefix=prefix).running() as rig:
    print(rig.server.url, flush=True)
    rig.stop.wait()
"""


def _post(url: str, fields: dict[str, str]) -> bool:
    """Post one article to a server in another process; False where that is gone."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/articles", json.dumps(fields).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def test_a_server_killed_between_produce_and_commit_loses_nothing_that_is_sent_again(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    pushed = [{"id": f"p{number}", "text": f"Texte {number}."} for number in range(12)]
    answered: list[str] = []
    for deaths in (1, 3, 5):
        command = [sys.executable, "-c", _SERVER, broker.address, fresh_prefix, str(tmp_path), str(deaths)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                url = process.stdout.readline().strip()
                answered += [one["id"] for one in pushed if one["id"] not in answered and _post(url, one)]
                assert process.wait(60) == -signal.SIGKILL
            finally:
                process.kill()
    with PushRig(tmp_path, SETTINGS, bootstrap=broker.address, prefix=fresh_prefix).running() as rig:
        again = {one["id"]: rig.post(one).outcomes for one in pushed}
    assert all(again[key] == ["unchanged"] for key in answered)  # what was answered was remembered
    assert len(answered) == 0 + 2 + 4  # each server was killed with its last article unanswered
    found = articles(broker.address, fresh_prefix)
    assert {article.identity.key for article in found} == {one["id"] for one in pushed}
    assert len({(article.article_id, article.version) for article in found}) == 12
    assert len(found) > 12  # some came twice, under the same ids
