"""Table recovery with the inputs held back until it is over: the answer to a fault of Faust 0.15.3.

https://github.com/faust-streaming/faust/issues/596 - at the end of a recovery Faust resumes the input partitions,
seeks them to their committed offsets and clears the streams' queues, in this order, while its fetcher runs. Records
that arrive in between are delivered, thrown away with the queues and counted as read: commits stall, or events are
skipped until the next restart. Here the flow is stopped before and stays stopped until Faust itself resumes it at
the end, after the seek.

Holds for the version that it was read and tested against; another version stops the worker at its start, so that
nobody upgrades past it unread.
"""

from __future__ import annotations

from typing import Any, Final

import faust
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery

KNOWN_VERSION: Final = "0.15.3"


class HeldRecovery(Recovery):
    """Recovery that holds the inputs back while it seeks and clears."""

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Stop the flow, then let Faust seek, clear and resume it."""
        self.app.consumer.stop_flow()
        self.app.flow_control.suspend()
        await super().on_recovery_completed(generation_id)


class HeldTableManager(TableManager):
    """Table manager with that recovery."""

    @property
    def recovery(self) -> Recovery:
        """The recovery service, made at first use."""
        if self._recovery is None:
            self._recovery = HeldRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


def table_manager() -> type[Any]:
    """Return the table manager to use.

    Raises:
        RuntimeError: this is not the Faust that the order of steps was checked against.
    """
    require_known_version()
    return HeldTableManager


def require_known_version() -> None:
    """Return if this is the Faust whose insides were read.

    Raises:
        RuntimeError: it is another.
    """
    if faust.__version__ != KNOWN_VERSION:
        msg = (
            f"faust-streaming is {faust.__version__}, streams/recovery.py was checked against {KNOWN_VERSION}: read "
            f"faust/tables/recovery.py of the new version and its issue 596 before changing this"
        )
        raise RuntimeError(msg)
