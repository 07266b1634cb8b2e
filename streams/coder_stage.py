"""The coder's stage: records of articles in; mentions, outcomes and dead letters out. Stateless.

Does not know Faust: `streams.app` gives it batches and acknowledges them once `process` has returned, which is when
the broker has acknowledged all outputs. What `process` raises is an infrastructure failure or the ratio stop: then
nothing of the batch is acknowledged, and it will be read again.

A batch of large articles is coded and published a part at a time, so that not all their outputs are held at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from schemas.topics import MENTIONS, OUTCOMES
from streams.coding_job import SOURCE, Coded, Input, Refused, Result
from streams.dead_letters import RatioStop, dead_letter
from streams.metrics import WorkerMetrics
from streams.outcomes import outcome_of_coded, outcome_of_refused
from streams.records import Clock, Incoming, Outgoing, Publish, in_parts, outgoing

HAND_BYTES: Final = 64 * 1024 * 1024
"""Articles coded before their outputs are published; one that is larger goes alone. Most batches are far smaller."""

Code = Callable[[Sequence[Input]], Awaitable[list[Result]]]


class CoderStage:
    """Codes batches of records."""

    def __init__(
        self,
        *,
        code: Code,
        coder_version: Callable[[], str],
        publish: Publish,
        clock: Clock,
        ratio_stop: RatioStop,
        metrics: WorkerMetrics,
    ) -> None:
        """Take what codes (`CodingPool.code`), what writes, the time, and who counts."""
        self._code = code
        self._coder_version = coder_version
        self._publish = publish
        self._clock = clock
        self._ratio_stop = ratio_stop
        self._metrics = metrics

    async def process(self, records: Sequence[Incoming]) -> None:
        """Code a batch and publish all that comes of it; returns once the broker has it.

        Raises:
            DeadLetterRatioError: too many dead letters; what tripped it was not published.
            Exception: the pool or the broker failed.
        """
        for part in in_parts(records, HAND_BYTES, lambda record: len(record.value or b"")):
            await self._process_part(part)

    async def _process_part(self, records: Sequence[Incoming]) -> None:
        results = await self._code([(record.key, record.value) for record in records])
        now = self._clock()
        outputs: list[Outgoing] = []
        for record, result in zip(records, results, strict=True):
            self._ratio_stop.observe(dead=isinstance(result, Refused))
            match result:
                case Coded():
                    outputs += self._of_coded(result, record)
                case Refused():
                    outputs += self._of_refused(result, record)
        await self._publish(outputs)
        for record, result in zip(records, results, strict=True):
            self._metrics.article(result, record, now=now)

    def _of_coded(self, coded: Coded, record: Incoming) -> list[Outgoing]:
        outcome = outcome_of_coded(coded, record, now=self._clock())
        return [
            *(Outgoing(MENTIONS, mention.key, mention.value, mention.headers) for mention in coded.mentions),
            outgoing(OUTCOMES, outcome, source=SOURCE, time=outcome.fetched, partition=record.partition),
        ]

    def _of_refused(self, refused: Refused, record: Incoming) -> list[Outgoing]:
        now = self._clock()
        outputs = [
            dead_letter(
                record,
                reason=refused.reason,
                stage="coder",
                error=refused.error,
                traceback=refused.traceback,
                time=now,
            )
        ]
        if refused.facts is not None:
            outcome = outcome_of_refused(refused, refused.facts, record, coder_version=self._coder_version(), now=now)
            outputs.append(outgoing(OUTCOMES, outcome, source=SOURCE, time=outcome.fetched, partition=record.partition))
        return outputs
