"""Runs one worker as a process of its own, for tests that kill it: `python -m tests.streams.worker_process JSON`."""

import json
import logging
import sys
from pathlib import Path

from schemas.access import KafkaAccess
from streams.settings import StreamSettings
from streams.worker import Worker


def main() -> int:
    given = json.loads(sys.argv[1])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    given |= {"access": KafkaAccess(**given["access"]), "data_folder": Path(given["data_folder"])}
    return Worker(StreamSettings(**given)).run()


if __name__ == "__main__":
    sys.exit(main())
