"""What keeps a worker that was frozen from writing what it thought before."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest

from streams import client
from streams.lease import Lease
from streams.records import PartitionsMovedError

SESSION = 6.0


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Group:
    """A worker's view of its group."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.rebalancing = False
        self.lease = Lease(session_seconds=SESSION, moved=lambda: self.rebalancing, clock=self.clock)


def test_a_worker_that_never_heard_from_its_group_has_no_lease() -> None:
    assert not Group().lease.holds()


def test_the_lease_lasts_a_session_from_when_the_answered_heartbeat_was_sent() -> None:
    group = Group()
    group.lease.renew(group.clock.time - 1.0)
    assert group.lease.holds()
    group.clock.time += SESSION - 1.0
    assert not group.lease.holds()


def test_a_write_waits_for_the_next_heartbeat() -> None:
    group = Group()

    async def main() -> None:
        waiting = asyncio.create_task(group.lease.shown())
        await asyncio.sleep(0)
        assert not waiting.done()
        group.lease.renew(group.clock.time)
        await asyncio.wait_for(waiting, 60)

    asyncio.run(main())


def test_a_write_of_a_worker_that_must_join_anew_is_given_up() -> None:
    group = Group()
    group.rebalancing = True
    with pytest.raises(PartitionsMovedError):
        asyncio.run(group.lease.shown())


class Wire:
    """A client that remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send(self, _node: int, request: Any, **_options: Any) -> str:
        self.sent.append(request)
        return "answer"


def produce(topic: str = "states") -> ProduceRequest:
    return ProduceRequest(transactional_id=None, required_acks=-1, timeout=1, topics=[(topic, [])])


def is_states(topic: str) -> bool:
    return topic == "states"


def test_states_that_were_on_their_way_when_the_worker_froze_are_not_sent() -> None:
    group, wire = Group(), Wire()
    client._hold_back(wire, group.lease, is_states)

    async def main() -> None:
        group.lease.renew(group.clock.time)
        await group.lease.shown()
        assert await wire.send(1, produce()) == "answer"
        group.clock.time += SESSION + 1
        group.rebalancing = True
        assert await wire.send(1, MetadataRequest([])) == "answer"
        assert await wire.send(1, produce("mentions")) == "answer"
        with pytest.raises(client.FencedError):
            await wire.send(1, produce())

    asyncio.run(main())
    assert [type(request) for request in wire.sent] == [ProduceRequest, MetadataRequest, ProduceRequest]


def test_a_send_that_is_repeated_through_an_outage_goes_on_once_the_group_answers() -> None:
    group, wire = Group(), Wire()
    client._hold_back(wire, group.lease, is_states)

    async def main() -> None:
        group.lease.renew(group.clock.time)
        await group.lease.shown()
        group.clock.time += 10 * SESSION
        sending = asyncio.create_task(wire.send(1, produce()))
        await asyncio.sleep(0)
        assert wire.sent == []
        group.lease.renew(group.clock.time)
        await asyncio.wait_for(sending, 60)

    asyncio.run(main())
    assert len(wire.sent) == 1


@pytest.mark.parametrize(("answered", "holds"), [(True, True), (False, False)])
def test_only_an_answered_heartbeat_renews(answered: bool, holds: bool) -> None:
    group = Group()

    async def beat() -> bool:
        group.clock.time += 1.0
        return answered

    coordinator = SimpleNamespace(_do_heartbeat=beat)
    client._renew_with_heartbeats(coordinator, group.lease)
    assert asyncio.run(coordinator._do_heartbeat()) is answered
    assert group.lease.holds() is holds
    group.clock.time += SESSION - 1.5
    assert group.lease.holds() is holds
    group.clock.time += 0.5
    assert not group.lease.holds(), "it counts from the sending, not from the answer"


def test_what_the_group_refuses_for_good_is_reported_and_kept_as_before() -> None:
    kept: list[BaseException] = []
    reported: list[BaseException] = []

    async def push(reason: BaseException) -> None:
        kept.append(reason)

    coordinator = SimpleNamespace(_push_error_to_user=push)
    client._report_errors(coordinator, reported.append)
    refused = ValueError("no such session")
    asyncio.run(coordinator._push_error_to_user(refused))
    assert kept == reported == [refused]


def test_an_acknowledgement_that_does_not_come_ends_the_waiting() -> None:
    async def main() -> None:
        async with client.acknowledged(3, seconds=0.01):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError, match="3 records within"):
        asyncio.run(main())
