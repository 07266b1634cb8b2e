from __future__ import annotations

import errno
import os
import shlex
import signal
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from depeche.command import app
from depeche.exits import DONE, STOPPED_BY_RATIO, UNAVAILABLE
from depeche.running import Note, RunningLock
from depeche.settings import load
from depeche.up import Ports, StopSignals, UpError, child_environment, child_specs, choose_ports, options_of_others, run
from streams.worker import EXIT_OK, EXIT_RATIO_STOP


def test_ports_that_are_left_open_are_free_and_different() -> None:
    settings = load(options={"connectors_port": 0, "worker_port": 0, "workers": 5}).settings
    ports = choose_ports(settings)
    assert len({ports.connectors, *ports.workers}) == 6


def test_workers_have_ports_in_a_row() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        base = server.getsockname()[1]
    settings = load(options={"connectors_port": 0, "worker_port": base, "workers": 1}).settings
    assert choose_ports(settings).workers == (base,)


def test_a_port_in_use_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UpError, match=rf"127\.0\.0\.1:{port}.*worker_port \(DEPECHE_WORKER_PORT\)"):
            choose_ports(load(options={"connectors_port": 0, "worker_port": port}).settings)


def test_children_read_the_settings_that_we_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "my.toml"
    file.write_text('workers = 3\nprefix = "f"\n')
    options = {"drops": (Path("a b"), Path("c")), "poll_feeds": False, "prefix": "o"}
    loaded = load(file, options=options)
    environment = child_environment(loaded, options, "127.0.0.1:1", {"PATH": "/bin", "DEPECHE_WORKERS": "2"})
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DEPECHE_WORKERS", environment["DEPECHE_WORKERS"])
    child = load().settings
    assert (child.prefix, child.workers, child.poll_feeds) == ("o", 2, False)
    assert child.drops == (Path("a b"), Path("c"))
    assert child.bootstrap == "127.0.0.1:1"


def test_connectors_stop_before_workers() -> None:
    specs = child_specs(Ports(1, (2, 3)), {})
    assert [spec.name for spec in specs] == ["connectors", "worker-1", "worker-2"]
    assert list(specs[2].command[-5:]) == ["--number", "2", "--port", "3", "--supervised"]
    assert {2, 3} == set(specs[0].final_codes)


def test_the_first_wish_to_stop_interrupts_the_start_and_the_second_forces() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signals = StopSignals()
    signals.install()
    try:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        assert not signals.forced()
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.forced()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feeds": (Path("none.opml"),)}, "the feed list none.opml is no file"),
        ({"drops": (Path("file"),)}, "file is a file: give a folder to --drop"),
        ({"data": Path("file/below")}, "the data folder .* can't be used"),
        ({"bootstrap": "127.0.0.1:1"}, "no Kafka broker listens at 127.0.0.1:1"),
    ],
)
def test_what_keeps_it_from_starting_is_told(options: dict[str, object], message: str) -> None:
    Path("file").write_text("")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    options = {"connectors_port": 0, "worker_port": 0, **options}
    said: list[str] = []
    try:
        with pytest.raises(UpError, match=message):
            run(load(options=options), options, say=said.append, set_status=said.append)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    with RunningLock(Path("var")):
        pass  # whatever went wrong, the folder is free again


def test_what_it_prints_to_be_copied_finds_what_it_runs() -> None:
    assert options_of_others(load().settings) == ""
    options: dict[str, object] = {"data": Path("my data"), "prefix": "p"}
    words = shlex.split(options_of_others(load(options=options).settings))
    assert words == ["--data", "my data", "--prefix", "p"]
    for command in ("tail", "audit"):
        result = CliRunner().invoke(app, [command, *words])
        assert result.exit_code == UNAVAILABLE, result.output  # the options are known; nothing runs there
        assert "my data" in result.stderr
    assert options_of_others(load(options={**options, "bootstrap": "k:1"}).settings) == " --bootstrap k:1 --prefix p"


def test_a_disk_that_fills_while_it_starts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: RunningLock, _note: Note) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(RunningLock, "tell", full)
    monkeypatch.setattr("depeche.up.ensure_topics", lambda *_arguments, **_options: ())
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    options: dict[str, object] = {"connectors_port": 0, "worker_port": 0, "bootstrap": "k:1", "poll_feeds": False}
    try:
        with pytest.raises(UpError, match=r"the data folder .* can't be used: No space left on device.*--data"):
            run(load(options=options), options, say=lambda _: None, set_status=lambda _: None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_exit_codes_are_those_of_the_worker() -> None:
    assert (EXIT_OK, EXIT_RATIO_STOP) == (DONE, STOPPED_BY_RATIO)


def test_secrets_reach_the_children_and_stand_on_no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPECHE_KAFKA_PASSWORD", "battery-staple")
    loaded = load(options={"bootstrap": "k:1", "kafka_protocol": "SASL_SSL", "kafka_username": "u"})
    options = {"bootstrap": "k:1"}
    environment = child_environment(loaded, options, "k:1", {"DEPECHE_KAFKA_PASSWORD": "battery-staple"})
    for spec in child_specs(Ports(1, (2,)), environment):
        assert spec.environment is not None
        assert spec.environment["DEPECHE_KAFKA_PASSWORD"] == "battery-staple"
        assert "battery-staple" not in " ".join(spec.command)
