"""Runs a replay whose workers have a coder of the tests, as a process of its own: `python -m … JSON`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from depeche.backfill.pace import Clocks, Terminal
from depeche.replay.beginning import Request
from depeche.replay.running import replay
from depeche.settings import load
from depeche.supervisor import ChildSpec
from depeche.up import StopSignals
from schemas.access import KafkaAccess


def main() -> int:
    given = json.loads(sys.argv[1])
    settings = load(options=given["settings"]).settings
    access = KafkaAccess(settings.bootstrap)

    def workers(into: str, partitions: int, folder: Path) -> Sequence[ChildSpec]:
        stream = {
            "access": asdict(access),
            "prefix": into,
            "partitions": partitions,
            "data_folder": str(folder / "worker"),
            "coder": given["coder"],
            "pool_processes": 1,
            **given.get("stream", {}),
        }
        command = [sys.executable, "-m", "tests.depeche.replay.worker", json.dumps(stream)]
        return [ChildSpec("worker-1", command)]

    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    signals = StopSignals()
    signals.install()
    report = replay(
        settings,
        access,
        Request(**given["request"]),
        coder=given["version"],
        workers=workers,
        terminal=Terminal(say, say, say),
        clocks=Clocks(),
        forced=signals.forced,
    )
    told = {"copied": report.copied, "coded": report.coded, "lost": report.lost, "empty": report.is_empty}
    sys.stdout.write(json.dumps(told))
    return 0 if report.is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
