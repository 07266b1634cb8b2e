import asyncio

from streams.live_first import LiveFirst


def test_without_a_live_feed_the_backfill_goes_at_once() -> None:
    async def main() -> bool:
        return await asyncio.wait_for(LiveFirst(quiet=100, patience=100).gap(), 10)

    assert asyncio.run(main())


def test_the_backfill_waits_for_the_end_of_the_live_batch() -> None:
    async def main() -> list[str]:
        gate = LiveFirst(quiet=0.01, patience=60)
        order: list[str] = []

        async def backfill() -> None:
            await gate.gap()
            order.append("backfill")

        with gate.live():
            waiting = asyncio.create_task(backfill())
            await asyncio.sleep(0.05)
            order.append("live")
        await asyncio.wait_for(waiting, 10)
        return order

    assert asyncio.run(main()) == ["live", "backfill"]


def test_a_short_pause_between_two_live_batches_is_no_gap() -> None:
    async def main() -> list[str]:
        gate = LiveFirst(quiet=60, patience=120)
        order: list[str] = []

        async def backfill() -> None:
            await gate.gap()
            order.append("backfill")

        with gate.live():
            waiting = asyncio.create_task(backfill())
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        with gate.live():
            order.append("live")
        waiting.cancel()
        return order

    assert asyncio.run(main()) == ["live"]


def test_under_a_live_feed_that_never_pauses_the_backfill_goes_when_its_patience_ends() -> None:
    async def main() -> bool:
        gate = LiveFirst(quiet=60, patience=0.05)
        with gate.live():
            return await asyncio.wait_for(gate.gap(), 10)

    assert asyncio.run(main()) is False
