"""Runs a worker with a coder of the tests, as `depeche worker --supervised` would: `python -m … JSON`."""

import json
import logging
import os
import signal
import sys
from pathlib import Path

from depeche.supervisor import watch_parent
from schemas.access import KafkaAccess
from streams.settings import StreamSettings
from streams.worker import Worker


def main() -> int:
    given = json.loads(sys.argv[1])
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    watch_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    given |= {"access": KafkaAccess(**given["access"]), "data_folder": Path(given["data_folder"])}
    return Worker(StreamSettings(**given)).run()


if __name__ == "__main__":
    sys.exit(main())
