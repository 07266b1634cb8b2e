"""`POST /articles` over HTTP: who may, what is read, what is refused and why. The broker is one in memory."""

import gzip
import json
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.push.http_edge import COME_AGAIN_SECONDS
from connectors.settings import PushSettings
from connectors.state import StateError
from schemas.ids import article_id
from tests.integration.push_rig import TOKEN, PushRig, until

pytestmark = pytest.mark.integration
SETTINGS = PushSettings(port=0, token=TOKEN, max_body_bytes=100_000)
UN = {"id": "a", "text": "Un."}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[PushRig]:
    with PushRig(tmp_path, SETTINGS).running() as rig:
        yield rig
        assert not rig.failure


def test_one_article_an_array_and_lines_are_answered_each_by_its_outcome(rig: PushRig) -> None:
    answer = rig.post(UN)
    assert answer.status == 200
    assert answer.json["counts"] == {"new": 1}
    (article,) = rig.in_memory()
    told = {"index": 0, "outcome": "new", "article_id": article.article_id, "version": article.version}
    assert answer.json["articles"] == [told]
    assert article.article_id == article_id("push", "a")
    assert rig.post([UN, {"id": "b", "text": "Deux."}]).outcomes == ["unchanged", "new"]
    lines = b'{"id": "a", "text": "Un, corrig\xc3\xa9."}\n{"id": "c", "text": "Trois."}\n'
    assert rig.post(lines, kind="application/x-ndjson; charset=UTF-8").outcomes == ["edited", "new"]
    assert rig.post(UN, path="/articles?source=j.example").outcomes == ["new"]
    assert rig.post(UN | {"source": "j.example"}).outcomes == ["unchanged"]
    assert {article.source.id for article in rig.in_memory()} == {"push", "j.example"}
    assert (rig.requests("published"), rig.requests("unchanged")) == (4, 1)


def test_compressed_bodies_are_read(rig: PushRig) -> None:
    assert rig.post(UN, compress=True).outcomes == ["new"]
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "Content-Encoding": "gzip"}
    body = gzip.compress(json.dumps(UN).encode())
    pieces = iter([body[:5], body[5:]])  # chunked
    assert rig.ask("POST", "/articles", pieces, headers).outcomes == ["unchanged"]


def test_bad_articles_are_named_and_the_good_ones_published(rig: PushRig) -> None:
    answer = rig.post([UN, {"id": "b"}, {"text": "x"}, 7])
    assert answer.status == 207
    assert answer.json["counts"] == {"new": 1, "refused": 3}
    assert answer.json["articles"][1:] == [  # type: ignore[index] # a list
        {"index": 1, "outcome": "refused", "field": "text", "reason": "has no text"},
        {"index": 2, "outcome": "refused", "field": "id", "reason": "needs an id, or an http(s) url to be known by"},
        {"index": 3, "outcome": "refused", "reason": "must be a JSON object, not int"},
    ]
    assert rig.post({"id": "b"}).status == 422
    assert len(rig.in_memory()) == 1
    assert (rig.requests("published"), rig.requests("invalid")) == (1, 1)


@pytest.mark.parametrize(
    ("content", "kind", "status", "detail"),
    [
        (b"", "application/json", 400, "not JSON"),
        (b"[]", "application/json", 400, "no article"),
        (b'{"id": "\xff"}', "application/json", 400, "not UTF-8"),
        (b"[" * 90_000, "application/json", 400, "not JSON"),
        (b"id=a&text=b", "application/x-www-form-urlencoded", 415, "send application/json"),
        (b"{}", "application/json; charset=latin-1", 415, "send UTF-8"),
        (b"[" + b"1," * 20_000 + b"1]", "application/json", 413, "several requests"),
    ],
)
def test_what_is_no_list_of_articles_is_a_problem_of_the_request(
    rig: PushRig, content: bytes, kind: str, status: int, detail: str
) -> None:
    answer = rig.post(content, kind=kind)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.detail
    assert rig.requests("too_large" if status == 413 else "invalid") == 1
    assert rig.in_memory() == []


def test_parameters_are_checked(rig: PushRig) -> None:
    assert "there is source" in rig.post(UN, path="/articles?sources=x").detail
    assert "1 to 200 characters" in rig.post(UN, path="/articles?source=").detail


def test_only_the_token_opens(rig: PushRig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for token, error in ((None, False), ("", True), ("x", True), (TOKEN + "x", True), (TOKEN[:-1], True)):
        answer = rig.post(UN, token=token)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith('Bearer realm="depeche"')
        assert ("invalid_token" in answer.headers["www-authenticate"]) is error
    for header in (f"Basic {TOKEN}", TOKEN, f"Bearer{TOKEN}", "Bearer \xe9\xff", "Bearer"):
        assert rig.post(UN, token=None, Authorization=header).status == 401
    assert rig.post(UN, token=None, Authorization=f"bEARER  {TOKEN} ").status == 200
    assert rig.requests("unauthorised") == 10
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(rig.settings)


def test_without_a_token_set_nobody_may_post(tmp_path: Path) -> None:
    with PushRig(tmp_path, PushSettings(port=0)).running() as rig:
        answer = rig.post(UN, token="")
        assert (answer.status, answer.detail) == (403, "POST /articles is off: no token is set here")
        assert rig.post(UN).status == 403
        assert rig.server.snapshot().details["articles"] == "off (no token)"


def test_bodies_over_the_limit_are_refused_however_they_come(rig: PushRig) -> None:
    large = json.dumps({"id": "a", "text": "x" * 200_000}).encode()
    assert rig.post(large, compress=True).status == 413
    assert rig.post(b'{"id": "a", "text": "' + b"x" * 99_900, kind="application/json").status == 400  # just within
    token = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    assert rig.ask("POST", "/articles", iter([large]), token).status == 413  # chunked
    head = f"POST /articles HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {TOKEN}\r\n"
    refused = rig.raw(f"{head}Content-Length: 99999999999\r\n\r\n".encode(), b"{")
    assert refused.startswith(b"HTTP/1.1 413 ")
    expecting = rig.raw(f"{head}Content-Length: 200000\r\nExpect: 100-continue\r\n\r\n".encode())
    assert expecting.startswith(b"HTTP/1.1 413 ")  # and not first told to go on
    assert rig.requests("too_large") == 4
    assert rig.in_memory() == []


def test_a_client_that_waits_to_be_told_is_told_to_go_on_only_with_the_token(rig: PushRig) -> None:
    body = json.dumps(UN).encode()
    head = (
        "POST /articles HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n"
    )
    with socket.create_connection(rig.address, timeout=30) as connection:
        connection.sendall(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n".encode())
        assert connection.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(1_000).startswith(b"HTTP/1.1 200 ")
    assert rig.raw(f"{head}\r\n".encode()).startswith(b"HTTP/1.1 401 ")
    old = f"{head}Authorization: Bearer {TOKEN}\r\n\r\n".replace("HTTP/1.1", "HTTP/1.0").encode()
    assert rig.raw(old, body).startswith(b"HTTP/1.0 200 ")  # RFC 9110 section 10.1.1: no 1xx to HTTP/1.0


def test_damaged_and_unknown_codings_are_refused_with_the_reason(rig: PushRig) -> None:
    bomb = gzip.compress(gzip.compress(b"\x00" * 30_000_000))
    assert rig.post(bomb, Content_Encoding="gzip").status == 413
    truncated = gzip.compress(json.dumps(UN).encode())[:-9]
    answer = rig.post(truncated, Content_Encoding="gzip")
    assert (answer.status, answer.detail) == (400, "the compressed body breaks off")
    answer = rig.post(UN, Content_Encoding="compress")
    assert answer.status == 415
    assert "gzip" in answer.headers["accept-encoding"]


def test_slow_and_broken_off_bodies_end_within_their_time_and_others_do_not_notice(tmp_path: Path) -> None:
    with PushRig(tmp_path, SETTINGS, read_seconds=2.0).running() as rig:
        head = (
            f"POST /articles HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n"
            f"Authorization: Bearer {TOKEN}\r\n\r\n"
        ).encode()
        with ThreadPoolExecutor(10) as clients:
            slow = [clients.submit(rig.raw, head, b"{") for _ in range(10)]
            assert rig.post(UN).outcomes == ["new"]
            assert all(answer.result().startswith(b"HTTP/1.1 408 ") for answer in slow)
        with socket.create_connection(rig.address, timeout=30) as connection:
            connection.sendall(head + b"{")  # and away
        until(lambda: rig.requests("invalid") == 11, "the broken off body counted")
        chunked = head.replace(b"Content-Length: 50", b"Transfer-Encoding: chunked")
        assert b" 400 " in rig.raw(chunked + b"zz\r\n").split(b"\r\n")[0]
        assert rig.post(UN).outcomes == ["unchanged"]


def test_connections_that_say_nothing_or_too_slowly_are_closed(tmp_path: Path) -> None:
    with PushRig(tmp_path, SETTINGS, read_seconds=2.0).running() as rig:
        assert rig.raw(b"") == b""
        assert rig.raw(b"POST /articles HTTP/1.1\r\nHost: x\r\n") == b""
        kept_alive = rig.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept_alive.startswith(b"HTTP/1.1 404 ")


def test_connections_over_the_bound_are_closed_and_those_within_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.push.http_edge._MOST_CONNECTIONS", 3)
    with PushRig(tmp_path, SETTINGS).running() as rig:
        held = [socket.create_connection(rig.address, timeout=30) for _ in range(3)]
        assert rig.raw() == b""
        held[0].sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert held[0].recv(1_000).startswith(b"HTTP/1.1 404 ")
        for connection in held:
            connection.close()

        def served() -> bool:
            try:
                return rig.post(UN).status == 200
            except OSError:
                return False

        until(served, "room for another")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /articles HTTP/1.1\r\nHost x\r\n\r\n",
        b"POST /articles HTTP/1.1\r\nAuthorization: Bearer " + TOKEN.encode() + b"\x00\r\n\r\n",
        b"POST /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /articles HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(500)) + b"\r\n",
        b"POST /articles HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /articles HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_so_without_being_quoted(
    rig: PushRig, caplog: pytest.LogCaptureFixture, garbage: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = rig.raw(garbage)
    assert answer.startswith(b"HTTP/1.")
    assert b" 400 " in answer.split(b"\r\n", 1)[0]
    assert b"aiohttp" not in answer
    assert TOKEN.encode() not in answer
    assert TOKEN not in caplog.text
    assert rig.post(UN).status == 200


def test_no_answer_says_what_it_runs_on_and_other_paths_are_not_there(rig: PushRig) -> None:
    for method, path, status in (
        ("GET", "/articles", 405),
        ("PUT", "/articles", 405),
        ("GET", "/", 404),
        ("POST", "/articles/", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", "/websub/", 404),
        ("POST", "/websub/unknown", 410),
        ("GET", "/websub/unknown?hub.mode=subscribe&hub.topic=x&hub.challenge=y", 404),
        ("DELETE", "/websub/unknown", 405),
    ):
        answer = rig.ask(method, path)
        assert answer.status == status, path
        assert answer.headers["server"] == "depeche"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert rig.ask("GET", "/articles").headers["allow"] == "POST"


def test_under_pressure_the_next_is_told_to_come_again_and_those_within_are_served(tmp_path: Path) -> None:
    settings = PushSettings(port=0, token=TOKEN, max_waiting=3, max_body_bytes=100_000)
    with PushRig(tmp_path, settings).running() as rig, ThreadPoolExecutor(3) as clients:
        rig.log.refuse_connections = 10**6
        waiting = [clients.submit(rig.post, {"id": f"w{number}", "text": "x"}) for number in range(3)]
        until(lambda: rig.server.snapshot().details["requests"] == "3", "three requests waiting")
        for _ in range(20):
            answer = rig.post(UN)
            assert answer.status == 429
            assert answer.headers["retry-after"] == str(COME_AGAIN_SECONDS)
        assert rig.requests("busy") == 20
        assert rig.post(UN, token="x").status == 401  # who has no token is not even told that it is full
        rig.log.refuse_connections = 0
        assert [answer.result().status for answer in waiting] == [200, 200, 200]
        assert rig.post(UN).status == 200


@pytest.mark.parametrize("compress", [False, True])
def test_large_bodies_are_bounded_together_too_by_what_they_are_decompressed(tmp_path: Path, *, compress: bool) -> None:
    settings = PushSettings(port=0, token=TOKEN, max_waiting=1_000, max_body_bytes=10_000)
    with PushRig(tmp_path, settings).running() as rig, ThreadPoolExecutor(20) as clients:
        rig.log.refuse_connections = 10**6
        large = {"id": "a", "text": "x" * 9_000}
        answers = [clients.submit(rig.post, large, compress=compress) for _ in range(20)]
        until(lambda: rig.requests("busy") == 12, "those over eight turned away")
        rig.log.refuse_connections = 0
        assert sorted(answer.result().status for answer in answers) == [200] * 8 + [429] * 12


def test_bodies_on_their_way_count_too_and_one_without_end_is_refused_at_the_limit(tmp_path: Path) -> None:
    settings = PushSettings(port=0, token=TOKEN, max_waiting=1_000, max_body_bytes=10_000)
    head = f"POST /articles HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {TOKEN}\r\n"
    with PushRig(tmp_path, settings).running() as rig:
        endless = f"{head}Transfer-Encoding: chunked\r\n\r\n2af8\r\n".encode() + b"x" * 11_000
        assert rig.raw(endless).startswith(b"HTTP/1.1 413 ")
        begun = [socket.create_connection(rig.address, timeout=30) for _ in range(8)]
        for connection in begun:
            connection.sendall(f"{head}Content-Length: 9900\r\n\r\n".encode() + b"[" * 9_800)
        until(lambda: rig.post({"id": "a", "text": "x" * 2_000}).status == 429, "no more room")
        for connection in begun:
            connection.close()
        until(lambda: rig.post({"id": "a", "text": "x" * 2_000}).status == 200, "room again")


def test_a_broker_that_does_not_answer_is_a_503_and_the_same_sent_again_has_the_same_ids(tmp_path: Path) -> None:
    settings = PushSettings(port=0, token=TOKEN, ack_seconds=0.3)
    with PushRig(tmp_path, settings).running() as rig:
        rig.log.refuse_connections = 10**6
        answer = rig.post(UN)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "send the same again" in answer.detail
        assert rig.requests("unacknowledged") == 1
        rig.log.refuse_connections = 0
        until(lambda: rig.post(UN).status == 200, "the broker's return")
        assert {article.article_id for article in rig.in_memory()} == {article_id("push", "a")}


def test_a_stop_answers_those_that_wait(tmp_path: Path) -> None:
    with PushRig(tmp_path, SETTINGS).running() as rig, ThreadPoolExecutor(2) as clients:
        rig.log.refuse_connections = 10**6
        waiting = [clients.submit(rig.post, {"id": f"w{number}", "text": "x"}) for number in range(2)]
        until(lambda: rig.server.snapshot().details["requests"] == "2", "two requests waiting")
        rig.stop.set()
        assert [answer.result().status for answer in waiting] == [503, 503]


def test_a_state_that_can_not_be_written_is_a_503_and_ends_the_server_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StateError("can't write state: no space left")

    with PushRig(tmp_path, SETTINGS).running() as rig:
        monkeypatch.setattr(rig.state, "commit", full)
        answer = rig.post(UN)
        assert (answer.status, answer.detail) == (503, "our state can't be written: send the same again")
        until(lambda: bool(rig.failure), "the end of the server")
        assert [str(failure) for failure in rig.failure] == ["can't write state: no space left"]


def test_a_fault_of_ours_is_a_500_that_says_nothing_and_the_server_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with PushRig(tmp_path, SETTINGS).running() as rig:
        with monkeypatch.context() as broken:
            broken.setattr("connectors.push.intake.digest", lambda *_: 1 / 0)
            answer = rig.post(UN)
            assert (answer.status, answer.detail) == (500, "failed on our side: send the same again")
        with monkeypatch.context() as broken:
            broken.setattr("connectors.push.articles.read_body", lambda *_, **__: 1 / 0)
            answer = rig.post(UN)
            assert (answer.status, answer.detail) == (500, "failed on our side: send the same again")
        assert rig.requests("unacknowledged") == 2
        assert rig.value("depeche_connector_errors_total", connector="push", error_class="bug") == 2
        assert caplog.text.count("ZeroDivisionError") == 2
        assert TOKEN not in caplog.text
        assert rig.post(UN).outcomes == ["new"]


def test_an_address_that_is_taken_is_told_with_the_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with PushRig(tmp_path, PushSettings(port=port)).running() as rig:
            (failure,) = rig.failure
            assert isinstance(failure, OSError)
            assert f"127.0.0.1:{port}" in str(failure)
            assert rig.server.url is None
    assert threading.active_count() < 50


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (PushSettings(token="ge heim"), "the token must be"),
        (PushSettings(token="geheim\n"), "the token must be"),
        (PushSettings(public_url="depeche.example/push"), "public_url 'depeche.example/push' must be"),
        (PushSettings(public_url="https://depeche.example/?a=b"), "must be an http"),
    ],
)
def test_settings_that_can_not_work_are_told_at_the_start(tmp_path: Path, settings: PushSettings, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        PushRig(tmp_path, settings)
    assert "geheim" not in str(raised.value)


def test_the_path_of_the_public_url_may_stand_before_ours(tmp_path: Path) -> None:
    settings = PushSettings(port=0, token=TOKEN, public_url="https://depeche.example/push/")
    with PushRig(tmp_path, settings).running() as rig:
        assert rig.post(UN, path="/push/articles").outcomes == ["new"]
        assert rig.post(UN, path="/articles").outcomes == ["unchanged"]
        assert rig.post(UN, path="/pusharticles").status == 404
