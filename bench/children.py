"""The processes of the measures, ended when their parent is gone: `python -m bench.children worker|connectors JSON`.

They are what `depeche worker` and `depeche connectors` are, with a coder that can be named, and feeds on loopback that
are polled each second.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from bench.connector_faults import run_connectors
from depeche.exits import ToldError
from depeche.processes import wait_for_broker
from depeche.supervisor import watch_parent
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from streams.settings import StreamSettings
from streams.worker import Worker

_LOG = logging.getLogger(__name__)


def main() -> int:
    """Run one; return its exit status."""
    role, given = sys.argv[1], json.loads(sys.argv[2])
    logging.basicConfig(level=logging.INFO, format="%(levelname)-7s %(name)s: %(message)s")
    for name in ("kafka", "aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("faust", "mode", "streams.recovery"):
        logging.getLogger(name).setLevel(logging.INFO)  # a worker says of these only what is wrong
    watch_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        wait_for_broker(KafkaAccess(given["bootstrap"]))
        return run_worker(given) if role == "worker" else _connectors(given)
    except ToldError as exc:
        _LOG.error("%s", exc)
        return exc.code


def run_worker(given: dict[str, Any]) -> int:
    """Run a worker; `given` are StreamSettings, with `bootstrap` in place of `access`."""
    access = KafkaAccess(given.pop("bootstrap"))
    settings = StreamSettings(access=access, **given | {"data_folder": Path(given["data_folder"])})
    ensure_topics(access, prefix=settings.prefix, partitions=settings.partitions, replication=settings.replication)
    return Worker(settings).run()


def _connectors(given: dict[str, Any]) -> int:
    run_connectors(given["bootstrap"], given["prefix"], given["folder"], str(given["feeds"]), str(given["port"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
