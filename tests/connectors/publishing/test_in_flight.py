import threading

import pytest

from connectors.publishing.in_flight import InFlightBound


def test_room_is_bounded_in_records_and_in_bytes() -> None:
    bound = InFlightBound(2, 100)
    assert bound.acquire(50, timeout=0)
    assert not bound.acquire(51, timeout=0)
    assert bound.acquire(50, timeout=0)
    assert not bound.acquire(0, timeout=0)
    bound.release(50)
    assert (bound.records, bound.bytes) == (1, 50)


def test_a_record_over_the_bound_passes_alone() -> None:
    bound = InFlightBound(10, 100)
    assert bound.acquire(1000, timeout=0)
    assert not bound.acquire(1, timeout=0)
    bound.release(1000)
    assert bound.acquire(1, timeout=0)
    assert not bound.acquire(1000, timeout=0)


def test_whoever_waits_for_room_gets_it_when_it_is_given_back() -> None:
    bound = InFlightBound(1, 100)
    bound.acquire(1, timeout=0)
    got: list[bool] = []
    waiter = threading.Thread(target=lambda: got.append(bound.acquire(1, timeout=30)))
    waiter.start()
    bound.release(1)
    waiter.join(30)
    assert got == [True]


@pytest.mark.parametrize("bounds", [(0, 1), (1, 0), (-1, 5)])
def test_a_bound_below_one_is_refused(bounds: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        InFlightBound(*bounds)
