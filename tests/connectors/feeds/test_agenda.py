from collections import Counter
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connectors.feeds.agenda import Agenda
from tests.connectors.making import NOW

URLS = [f"{host}/{number}" for host in "abc" for number in range(4)]


def host(url: str) -> str:
    return url.split("/", maxsplit=1)[0]


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_feeds_are_taken_when_they_are_due_the_longest_due_first() -> None:
    agenda = Agenda(host, per_host=2)
    for number, url in enumerate(("a/1", "b/1", "c/1")):
        agenda.set(url, at(number))
    assert agenda.next_due() == at(0)
    assert agenda.take(at(-1), 10) == []
    assert agenda.take(at(1), 10) == [("a/1", at(0)), ("b/1", at(1))]
    assert agenda.next_due() == at(2)
    assert agenda.is_taken("a/1")
    assert not agenda.is_taken("c/1")


def test_a_host_with_many_feeds_keeps_no_other_waiting() -> None:
    agenda = Agenda(host, per_host=2)
    for number in range(1000):
        agenda.set(f"big/{number}", at(0))
    agenda.set("small/1", at(1))
    taken = [url for url, _ in agenda.take(at(2), 10)]
    assert "small/1" in taken
    assert len([url for url in taken if host(url) == "big"]) == 2
    assert agenda.waiting == 998
    agenda.done(taken[0], at(60))
    assert [host(url) for url, _ in agenda.take(at(2), 10)] == ["big"]


def test_what_is_set_anew_or_discarded_is_due_at_no_other_time() -> None:
    agenda = Agenda(host, per_host=2)
    agenda.set("a/1", at(5))
    agenda.set("a/1", at(10))
    assert agenda.take(at(6), 10) == []
    agenda.set("a/1", at(2))
    assert agenda.take(at(6), 10) == [("a/1", at(2))]
    agenda.done("a/1", at(20))
    agenda.set("b/1", at(7))
    agenda.discard("b/1")
    assert agenda.take(at(10), 10) == []
    assert agenda.next_due() == at(20)
    assert len(agenda) == 1


def test_the_room_that_there_is_is_not_passed() -> None:
    agenda = Agenda(host, per_host=2)
    for url in URLS:
        agenda.set(url, at(0))
    taken = agenda.take(at(1), 3)
    assert len(taken) == 3
    assert agenda.take(at(1), 0) == []
    assert len(agenda.take(at(1), 100)) == 3


class AgendaMachine(RuleBasedStateMachine):
    """Whatever is done: each feed is taken once at a time, never before it is due, and never forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.agenda = Agenda(host, per_host=2)
        self.due: dict[str, datetime] = {}
        self.taken: set[str] = set()
        self.now = NOW

    @rule(url=st.sampled_from(URLS), minutes=st.integers(-5, 30))
    def set(self, url: str, minutes: int) -> None:
        if url not in self.taken:
            self.due[url] = self.now + timedelta(minutes=minutes)
            self.agenda.set(url, self.due[url])

    @rule(url=st.sampled_from(URLS))
    def discard(self, url: str) -> None:
        if url not in self.taken:
            self.due.pop(url, None)
            self.agenda.discard(url)

    @rule(minutes=st.integers(0, 20), room=st.integers(0, 5))
    def take(self, minutes: int, room: int) -> None:
        self.now += timedelta(minutes=minutes)
        taken = self.agenda.take(self.now, room)
        assert len(taken) <= room
        for url, due in taken:
            assert url not in self.taken
            assert due == self.due[url] <= self.now
            self.taken.add(url)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), minutes=st.one_of(st.none(), st.integers(0, 30)))
    def done(self, data: st.DataObject, minutes: int | None) -> None:
        url = data.draw(st.sampled_from(sorted(self.taken)))
        self.taken.discard(url)
        self.due.pop(url, None)
        if minutes is not None:
            self.due[url] = self.now + timedelta(minutes=minutes)
        self.agenda.done(url, self.due.get(url))

    @invariant()
    def no_host_is_pressed(self) -> None:
        assert all(number <= 2 for number in Counter(map(host, self.taken)).values())
        assert {url for url in URLS if self.agenda.is_taken(url)} == self.taken

    def teardown(self) -> None:
        """Everything that is due comes, one round after the other."""
        self.now += timedelta(days=1)
        for url in sorted(self.taken):
            self.agenda.done(url, None)
            self.due.pop(url, None)
        found: list[str] = []
        while taken := self.agenda.take(self.now, 100):
            for url, _ in taken:
                found.append(url)
                self.agenda.done(url, None)
        assert sorted(found) == sorted(self.due)
        assert self.agenda.next_due() is None
        assert self.agenda._hosts == {}


TestAgendaMachine = AgendaMachine.TestCase
TestAgendaMachine.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
