"""What is done to whom and when, drawn from a seed. Does nothing of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CONNECTORS: Final = "connectors"
EXTRA_WORKER: Final = "worker-extra"
"""The one that joins and leaves."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault."""

    on: str
    """`worker`, `connectors`, `broker`, or `nobody` where a process joins."""
    weight: int
    """How often it is drawn, beside the others."""
    hold: tuple[float, float]
    """Seconds until it is undone (a process goes on, a broker is started again): from, to."""
    targets: int = 1


KINDS: Final = {
    "worker-kill": Kind("worker", 14, (0, 0)),
    "worker-freeze": Kind("worker", 12, (1, 20)),
    "worker-stop": Kind("worker", 8, (0, 0)),
    "worker-folder": Kind("worker", 5, (0, 0)),
    "worker-joins": Kind("nobody", 5, (8, 25)),
    "pool-kill": Kind("worker", 8, (0, 0)),
    "connectors-kill": Kind("connectors", 8, (0, 0)),
    "connectors-freeze": Kind("connectors", 6, (1, 20)),
    "connectors-stop": Kind("connectors", 6, (0, 0)),
    "broker-kill": Kind("broker", 10, (0, 8)),
    "broker-stop": Kind("broker", 7, (0, 4)),
    "broker-freeze": Kind("broker", 9, (1, 20)),
    "two-brokers": Kind("broker", 2, (0, 6), targets=2),
}
"""`kill` is SIGKILL, `stop` SIGTERM and a start anew, `freeze` SIGSTOP and SIGCONT; `worker-folder` a SIGKILL and the
loss of the worker's tables with it; `pool-kill` a SIGKILL to one of a worker's coding processes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One of the faults of a run."""

    number: int
    kind: str
    targets: tuple[str, ...]
    after: float
    """Seconds since the last one was dealt."""
    hold: float
    """Seconds until it is undone."""

    def __str__(self) -> str:
        held = f" for {self.hold:.1f} s" if self.hold else ""
        return f"{self.number:>3} {self.kind} {', '.join(self.targets)}{held}"


def draw(
    seed: int, faults: int, *, kinds: Sequence[str], workers: Sequence[str], brokers: Sequence[str], pause: float
) -> tuple[Fault, ...]:
    """Draw the faults of a run: the same for the same arguments.

    Each kind comes once before any comes twice, if there are faults enough; where, is random.

    Args:
        seed: of the randomness.
        faults: how many.
        kinds: which, keys of `KINDS`.
        workers: their names.
        brokers: their names.
        pause: seconds from one to the next, in the mean; at most twice that.

    Raises:
        ValueError: an unknown kind, or one for which there are not enough brokers.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        msg = f"there is no kind of fault {', '.join(unknown) or 'given'}; there are {', '.join(KINDS)}"
        raise ValueError(msg)
    targets = {"worker": workers, "broker": brokers, "connectors": (CONNECTORS,), "nobody": (EXTRA_WORKER,)}
    for kind in kinds:
        if len(targets[KINDS[kind].on]) < KINDS[kind].targets:
            msg = f"{kind} needs {KINDS[kind].targets} of {KINDS[kind].on}, there are {len(targets[KINDS[kind].on])}"
            raise ValueError(msg)
    chance = random.Random(seed)
    drawn = chance.sample(list(kinds), min(faults, len(kinds)))
    drawn += chance.choices(list(kinds), [KINDS[kind].weight for kind in kinds], k=faults - len(drawn))
    chance.shuffle(drawn)
    return tuple(
        Fault(
            number,
            name,
            tuple(sorted(chance.sample(list(targets[KINDS[name].on]), KINDS[name].targets))),
            after=round(chance.uniform(0, 2 * pause), 2),
            hold=round(chance.uniform(*KINDS[name].hold), 1),
        )
        for number, name in enumerate(drawn, start=1)
    )
