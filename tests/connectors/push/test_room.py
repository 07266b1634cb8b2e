"""The bound on what is served at a time."""

import pytest

from connectors.push.room import Room, RoomFullError


def test_requests_and_bytes_are_bounded_and_given_back() -> None:
    room = Room(2, 100)
    with room.enter() as first, room.enter():
        with pytest.raises(RoomFullError):
            room.enter()
        first.hold(60)
        with pytest.raises(RoomFullError):
            first.hold(41)
        first.hold(40)
        first.hold_instead(30)
        assert (room.requests, room.bytes) == (2, 30)
        with pytest.raises(RoomFullError):
            first.hold_instead(101)
        assert room.bytes == 30
    assert (room.requests, room.bytes) == (0, 0)


def test_room_is_given_back_whatever_happens_within() -> None:
    room = Room(1, 100)
    with pytest.raises(RoomFullError), room.enter() as place:
        place.hold(101)
    assert (room.requests, room.bytes) == (0, 0)


@pytest.mark.parametrize(("requests", "size"), [(0, 1), (1, 0)])
def test_a_room_without_room_is_refused(requests: int, size: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Room(requests, size)
