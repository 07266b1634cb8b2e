"""What the image promises, shown without a container engine: not root, no capability, nothing writable but the data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from depeche.broker import EmbeddedBroker
from tests.deploy.files import services
from tests.integration.house import DEADLINE, House, open_house

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
USER = 10001


def cage(folder: Path) -> list[str]:
    """Return what a command is put behind."""
    trees = {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), HERE.parents[1]}
    ancestors = [ancestor for tree in sorted(trees) for ancestor in reversed(tree.parents)]
    locked = next((ancestor for ancestor in ancestors if not ancestor.stat().st_mode & 0o001), None)
    needed = sorted(str(tree) for tree in trees if locked is not None and tree.is_relative_to(locked))
    start = ["unshare", "--mount", "--propagation", "private", "sh", str(HERE / "cage.sh"), str(folder)]
    return [*start, str(locked or "-"), *needed, "--"]


@pytest.fixture
def house(broker: EmbeddedBroker, tmp_path: Path, fresh_prefix: str) -> Iterator[House]:
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        pytest.skip("needs root, unshare and setpriv, to give them up")
    with open_house(
        tmp_path, BOOTSTRAP=broker.address, PREFIX=fresh_prefix, POLL_FEEDS="false", DROPS="inbox", DATA="data"
    ) as found:
        tmp_path.chmod(0o755)
        for name in ("data", "tmp"):
            (tmp_path / name).mkdir()
            os.chown(tmp_path / name, USER, USER)
        found.program = [*cage(tmp_path), sys.executable, "-m", "depeche.command"]
        found.environment = {
            **found.environment,
            "HOME": "/mnt/data",
            "TMPDIR": "/mnt/tmp",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": "",
        }
        tried = subprocess.run([*cage(tmp_path), "true"], capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"mounts of its own are not permitted here: {tried.stderr.strip()[-200:]}")
        yield found


def test_connectors_and_worker_need_nothing_but_their_data_folder(house: House) -> None:
    probe = "id -u; cat /proc/self/status | grep CapBnd; for at in /etc /usr /tmp /mnt /mnt/inbox; do touch $at/x; done"
    inside = subprocess.run([*cage(house.folder), "sh", "-c", probe], capture_output=True, text=True, check=False)
    assert inside.stdout.split() == [str(USER), "CapBnd:", "0000000000000000"]
    assert inside.stderr.count("Read-only file system") == 3
    assert inside.stderr.count("Permission denied") == 2

    text = "L'armée turque a bombardé mardi des villages du nord de la Syrie, tuant douze civils."
    (house.folder / "inbox" / "one.txt").write_text(text, encoding="utf-8")
    house.ready(house.start("connectors"))
    house.ready(house.start("worker"))
    house.wait(lambda: json.loads(house.run("audit", "--json").stdout or "{}").get("versions") == 1, "all came in")
    result = house.run("audit", "--wait", str(DEADLINE), "--json")
    assert result.returncode == 0, house.said()[-6000:]
    assert json.loads(result.stdout)["accounted"] == 1
    tail = house.run("tail", "events", "--from-beginning", "--json", "--limit", "1")
    assert json.loads(tail.stdout)["message"]["type"] == "ASSAULT"
    assert house.stop() == [0, 0]
    for word in ("Traceback", "Read-only", "Permission denied"):
        assert word not in house.said()
    written = {path.relative_to(house.folder).parts[0] for path in house.folder.rglob("*") if path.is_file()}
    assert written - {path.name for path in house.logs} == {"inbox", "data"}
    kept = [path for path in (house.folder / "data").rglob("*") if path.is_file()]
    assert kept
    assert {path.stat().st_uid for path in kept} == {USER}


def test_the_containers_are_told_to_be_so() -> None:
    for name in ("connectors", "worker"):
        service = services()[name]
        assert (service["user"], service["read_only"], service["cap_drop"]) == (f"{USER}:{USER}", True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]
