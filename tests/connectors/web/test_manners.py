import heapq
import itertools
from collections import Counter, defaultdict, deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.web.manners import MAX_HOLD_SECONDS, QUEUE_SECONDS, Manners, registrable_domain

HOSTS = ("a.journal.example", "b.journal.example", "journal.example", "autre.example", "10.0.0.1", "localhost")


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.journal.example", "journal.example"),
        ("WWW.Journal.Example.", "journal.example"),
        ("www.bbc.co.uk", "bbc.co.uk"),
        ("un.github.io", "un.github.io"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
        ("intranet", "intranet"),
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("xn--caf-dma.example", "xn--caf-dma.example"),
        ("a..b", "a..b"),
        ("", ""),
    ],
)
def test_registrable_domains(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


def test_starts_within_one_domain_keep_the_gap_and_its_hosts_take_turns() -> None:
    manners: Manners[str] = Manners(gap=5.0, host_concurrency=10, concurrency=10)
    for name in ("a1", "a2", "a3"):
        manners.ask(name, "a.journal.example", 0.0)
    manners.ask("b1", "b.journal.example", 0.0)
    manners.ask("c1", "autre.example", 0.0)
    assert manners.take(0.0) == ["a1", "c1"]
    assert (manners.take(4.9), manners.next_turn(4.9)) == ([], 5.0)
    assert manners.take(5.0) == ["b1"]
    assert manners.take(10.0) == ["a2"]
    assert manners.take(15.0) == ["a3"]
    assert (manners.next_turn(15.0), manners.waiting, manners.running) == (None, 0, 5)


def test_no_more_run_at_a_time_than_may() -> None:
    manners: Manners[int] = Manners(gap=0.0, host_concurrency=2, concurrency=3)
    for number in range(4):
        manners.ask(number, "journal.example", 0.0)
    for number in range(4, 8):
        manners.ask(number, "autre.example", 0.0)
    assert manners.take(0.0) == [0, 4, 1]
    assert (manners.take(1.0), manners.next_turn(1.0)) == ([], None)
    manners.ended("journal.example")
    assert manners.take(2.0) == [5]
    manners.ended("autre.example")
    manners.ended("autre.example")
    assert manners.take(3.0) == [2, 6]


def test_a_long_hold_refuses_what_waits_and_what_comes_and_spares_the_neighbours() -> None:
    manners: Manners[str] = Manners(gap=0.0, host_concurrency=1, concurrency=9)
    for name in ("a1", "a2", "a3"):
        manners.ask(name, "a.journal.example", 0.0)
    manners.ask("b1", "b.journal.example", 0.0)
    assert manners.take(0.0) == ["a1"]
    assert manners.hold("a.journal.example", 100.0, 1.0) == ["a2", "a3"]
    manners.ended("a.journal.example")
    assert manners.take(1.0) == ["b1"]
    assert manners.ask("a4", "a.journal.example", 11.0) == 90.0
    assert manners.held_for("a.journal.example", 11.0) == 90.0
    assert manners.held_for("b.journal.example", 11.0) == 0.0
    manners.ended("b.journal.example")
    assert manners.ask("a5", "a.journal.example", 101.0 - QUEUE_SECONDS) is None
    assert manners.take(100.9) == []
    assert manners.next_turn(100.9) == 101.0
    assert manners.take(101.0) == ["a5"]


def test_a_short_hold_lets_wait() -> None:
    manners: Manners[str] = Manners(gap=0.0, host_concurrency=1, concurrency=9)
    manners.ask("a1", "journal.example", 0.0)
    assert manners.hold("journal.example", 20.0, 0.0) == []
    assert manners.take(19.0) == []
    assert manners.next_turn(19.0) == 20.0
    assert manners.hold("journal.example", 2.0, 1.0) == []  # shorter than the one in force
    assert manners.take(20.0) == ["a1"]


@pytest.mark.parametrize(("asked", "held"), [(10**9, MAX_HOLD_SECONDS), (-5.0, 0.0), (0.0, 0.0)])
def test_a_hold_is_capped(asked: float, held: float) -> None:
    manners: Manners[str] = Manners(gap=0.0, host_concurrency=1, concurrency=1)
    manners.hold("journal.example", asked, 7.0)
    assert manners.held_for("journal.example", 7.0) == held


def test_what_is_idle_is_forgotten_and_what_is_held_is_not() -> None:
    manners: Manners[int] = Manners(gap=5.0, host_concurrency=1, concurrency=1)
    manners.hold("garde.example", MAX_HOLD_SECONDS, 0.0)
    for number in range(20_000):
        now = number * 1.0
        host = f"journal-{number}.example"
        assert manners.ask(number, host, now) is None
        assert manners.take(now) == [number]
        manners.ended(host)
        assert len(manners) <= 1024
    assert manners.held_for("garde.example", 20_000.0) > 0


def test_clear_gives_back_all_that_waits() -> None:
    manners: Manners[int] = Manners(gap=5.0, host_concurrency=1, concurrency=9)
    for number in range(6):
        manners.ask(number, HOSTS[number % 3], 0.0)
    taken = manners.take(0.0)
    assert sorted(taken + manners.clear()) == [0, 1, 2, 3, 4, 5]
    assert (manners.take(100.0), manners.next_turn(100.0), manners.waiting) == ([], None, 0)


jobs = st.lists(
    st.tuples(
        st.sampled_from(HOSTS),
        st.integers(0, 60),  # asked at
        st.integers(0, 20),  # takes
        st.none() | st.integers(0, 120),  # and ends in a hold for so long
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(jobs, st.integers(0, 8), st.integers(1, 3), st.integers(1, 6))
def test_every_job_is_started_or_refused_and_no_rule_is_broken(
    jobs: list[tuple[str, int, int, int | None]], gap: int, host_concurrency: int, concurrency: int
) -> None:
    manners: Manners[int] = Manners(gap=gap, host_concurrency=host_concurrency, concurrency=concurrency)
    order = itertools.count()
    moments: list[tuple[float, int, str, int]] = []
    for job, (_, at, _, _) in enumerate(jobs):
        heapq.heappush(moments, (float(at), next(order), "ask", job))
    last_start: dict[str, float] = {}
    held_until: defaultdict[str, float] = defaultdict(float)
    running: Counter[str] = Counter()
    queues: defaultdict[str, deque[int]] = defaultdict(deque)
    started: set[int] = set()
    refused: set[int] = set()
    while moments:
        now, _, what, job = heapq.heappop(moments)
        host, _, _, hold = jobs[job] if job >= 0 else ("", 0, 0, None)
        if what == "ask":
            wait = manners.ask(job, host, now)
            assert (wait is not None) == (held_until[host] - now > QUEUE_SECONDS)
            if wait is None:
                queues[host].append(job)
            else:
                refused.add(job)
        elif what == "end":
            running[registrable_domain(host)] -= 1
            manners.ended(host)
            if hold is not None:
                gone = manners.hold(host, float(hold), now)
                held_until[host] = max(held_until[host], now + hold)
                assert not gone or held_until[host] - now > QUEUE_SECONDS
                refused.update(gone)
                if gone:
                    assert list(queues[host]) == gone
                    queues[host].clear()
        for taken in manners.take(now):
            taken_host = jobs[taken][0]
            domain = registrable_domain(taken_host)
            assert queues[taken_host].popleft() == taken
            assert now >= last_start.get(domain, -1e9) + gap
            assert now >= held_until[taken_host]
            last_start[domain] = now
            running[domain] += 1
            started.add(taken)
            heapq.heappush(moments, (now + jobs[taken][2], next(order), "end", taken))
        assert max(running.values(), default=0) <= host_concurrency
        assert running.total() == manners.running <= concurrency
        assert manners.waiting == sum(map(len, queues.values()))
        due = manners.next_turn(now)
        if due is not None:
            assert due >= now
            assert manners.take(now) == []
            heapq.heappush(moments, (max(due, now + 0.001), next(order), "tick", -1))
    assert started | refused == set(range(len(jobs)))
    assert not started & refused


def test_a_host_with_a_thousand_jobs_keeps_no_other_waiting() -> None:
    manners: Manners[str] = Manners(gap=1.0, host_concurrency=5, concurrency=5)
    for number in range(1000):
        manners.ask(f"many {number}", "a.journal.example", 0.0)
    manners.ask("sister", "b.journal.example", 0.0)
    manners.ask("stranger", "autre.example", 0.0)
    assert manners.take(0.0) == ["many 0", "stranger"]
    assert manners.take(1.0) == ["sister"]


def test_a_domain_without_a_gap_takes_turns_with_others() -> None:
    manners: Manners[str] = Manners(gap=0.0, host_concurrency=1000, concurrency=4)
    for number in range(1000):
        manners.ask(f"many {number}", "journal.example", 0.0)
    for number in range(3):
        manners.ask(f"few {number}", "autre.example", 0.0)
    assert manners.take(0.0) == ["many 0", "few 0", "many 1", "few 1"]
    manners.ended("journal.example")
    manners.ended("autre.example")
    assert sorted(manners.take(1.0)) == ["few 2", "many 2"]
