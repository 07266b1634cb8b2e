"""Partitions that are paused stay paused when their queue empties: the answer to a fault of Faust 0.15.3.

A queue that fills takes its partition out of what is fetched, and puts it back when it has room again
(faust/transport/consumer.py, `on_buffer_full`, `on_buffer_drop`). A rebalance pauses all partitions and empties all
queues, and the emptying puts partitions back: those that are paused for the recovery, even those that are another
worker's by then. During a recovery Faust takes nothing out again, and agents here take nothing from their queues until
it is over (`streams.app`). So such a queue fills to its end, the one task that hands on records waits for room in it,
and the changelogs' records behind it are never handed on: the recovery waits for ever.
"""

from __future__ import annotations

from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP


class PausingConsumer(Consumer):
    """Faust's consumer, which fetches a partition whose queue has room again only if it may."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Fetch the partition again, unless it is paused or another worker's.

        The end of the recovery resumes what is paused.
        """
        if tp in self._paused_partitions or tp not in self.assignment():
            self._buffered_partitions.discard(tp)
        else:
            super().on_buffer_drop(tp)
