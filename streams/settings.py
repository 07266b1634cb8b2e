"""Everything that a worker can be told. Reads no environment and no file: `depeche` does, and builds this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from schemas.access import KafkaAccess
from schemas.topics import DEFAULT_PREFIX, check_prefix

TableStore = Literal["rocksdict", "memory"]

STANDARD_CODER = "streams.coding_job:standard_coder"
"""The coder of `streams.coding`, as `module:function` that returns a `streams.coding_job.LoadedCoder`."""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Settings of one worker process.

    Attributes:
        access: the Kafka brokers, and how to get in.
        data_folder: where the tables are kept between runs; each worker needs one of its own.
        prefix: what all topics' names start with; it names the consumer group too.
        partitions: of every topic, the tables' changelogs among them.
        replication: of the changelogs, which the worker creates itself.
        pool_processes: how many processes code articles; each holds the models once.
        batch_size: articles that each pool process is given at a time; that times `pool_processes` are in hand.
        coder: `module:function` that loads the coder in a pool process.
        article_seconds: an article that takes longer is a dead letter, and its process is killed.
        load_seconds: how long a pool process may take to load the coder.
        pool_memory_bytes: a pool process that holds more after a batch is replaced; one that holds twice as much
            during a batch is killed.
        max_text_characters: an article with a longer text is a dead letter.
        state_days: an event that nothing has told for so many days of the stream's time is closed: its counts are
            kept, what it was told by is not, so that it can't be withdrawn any more; an article's account is taken
            away.
        summary_days: what is left of a closed event is taken away after so many days.
        backfill_patience: seconds that a batch of the backfill waits for a gap in the live feed, at most.
        dead_letter_ratio: above this share of dead letters among the last `dead_letter_window` records of a stage
            the worker stops, once there are `dead_letter_minimum` of them.
        dead_letter_window: records over which the ratio is taken.
        dead_letter_minimum: fewer dead letters than this never stop the worker.
        table_store: `rocksdict` keeps tables on disk, and a restart reads only what it missed; `memory` reads the
            whole changelog at each start.
        session_seconds: a worker that is silent for so long has its partitions given to others.
        heartbeat_seconds: how often it says that it lives; at most a third of `session_seconds`.
        stop_seconds: how long a graceful stop may take before it is cut short.
        lag_seconds: how often the consumer's lag is asked for.
    """

    access: KafkaAccess
    data_folder: Path
    prefix: str = DEFAULT_PREFIX
    partitions: int = 4
    replication: int = 1
    pool_processes: int = 2
    batch_size: int = 16
    coder: str = STANDARD_CODER
    article_seconds: float = 60.0
    load_seconds: float = 180.0
    pool_memory_bytes: int = 3 * 1024**3
    max_text_characters: int = 1_000_000
    state_days: int = 400
    summary_days: int = 3650
    backfill_patience: float = 60.0
    dead_letter_ratio: float = 0.05
    dead_letter_window: int = 1000
    dead_letter_minimum: int = 50
    table_store: TableStore = "rocksdict"
    session_seconds: float = 6.0
    heartbeat_seconds: float = 1.5
    stop_seconds: float = 20.0
    lag_seconds: float = 10.0

    def __post_init__(self) -> None:
        check_prefix(self.prefix)
        for name in (
            "partitions",
            "replication",
            "pool_processes",
            "batch_size",
            "pool_memory_bytes",
            "max_text_characters",
            "state_days",
        ):
            if getattr(self, name) < 1:
                msg = f"{name} is {getattr(self, name)}: it must be 1 or more"
                raise ValueError(msg)
        for name in ("article_seconds", "load_seconds", "session_seconds", "heartbeat_seconds", "stop_seconds"):
            if not getattr(self, name) > 0:
                msg = f"{name} is {getattr(self, name)}: it must be more than 0"
                raise ValueError(msg)
        if self.summary_days < self.state_days:
            msg = f"summary_days is {self.summary_days}: it must be at least state_days, {self.state_days}"
            raise ValueError(msg)
        if self.heartbeat_seconds > self.session_seconds / 3:
            msg = (
                f"heartbeat_seconds is {self.heartbeat_seconds}: it must be at most a third of session_seconds, "
                f"{self.session_seconds}, or one lost heartbeat costs the worker its partitions"
            )
            raise ValueError(msg)
        if not 0 < self.dead_letter_ratio <= 1:
            msg = f"dead_letter_ratio is {self.dead_letter_ratio}: it must be above 0 and at most 1"
            raise ValueError(msg)

    @property
    def group(self) -> str:
        """The consumer group, and what the changelog topics' names start with."""
        return f"{self.prefix}-worker"
