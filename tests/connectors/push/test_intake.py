"""What is pushed is decided on, published, committed, answered: in that order."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.decide import Candidates, Listing, SeenIndex, candidates, decide
from connectors.formats.files import entry_of_fields
from connectors.metrics import ConnectorMetrics
from connectors.publishing.publisher import Publisher
from connectors.push.bodies import Problem, Pushed
from connectors.push.intake import Intake, Result
from connectors.records import StateChange
from connectors.settings import PublisherSettings
from connectors.state import State, StateError
from schemas.access import KafkaAccess
from schemas.article import Article, Source
from schemas.ids import article_id
from tests.connectors.making import NOW, PROVENANCE
from tests.connectors.publishing.contract import Log

DEADLINE = 30.0


class Rig:
    """An intake on a broker in memory."""

    def __init__(self, folder: Path, *, ack_seconds: float = DEADLINE, state: State | None = None) -> None:
        self.log = Log()
        self.metrics = ConnectorMetrics()
        self.state = state or State(folder / "state.sqlite")
        self.now = NOW
        settings = PublisherSettings(
            KafkaAccess("memory"), retry_seconds=0.01, stall_seconds=0.5, max_article_bytes=20_000
        )
        self.publisher = Publisher(settings, self.metrics, factory=self.log.connect)
        self.intake = Intake(self.state, self.publisher, self.metrics, clock=lambda: self.now, ack_seconds=ack_seconds)
        self.stop = threading.Event()
        self.failure: list[BaseException] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        def run() -> None:
            try:
                self.intake.run(self.stop)
            except StateError as error:
                self.failure.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            self.stop.set()
            thread.join(DEADLINE)
            assert not thread.is_alive()

    def push(self, *fields: dict[str, object], source: str = "push") -> tuple[Result, ...]:
        return self.intake.submit(items(*fields, source=source)).result(DEADLINE)

    def articles(self) -> list[Article]:
        return [Article.from_bytes(record.value) for record in self.log.topics.get("news.articles", [])]

    def fates(self) -> dict[str, float]:
        value = self.metrics.registry.get_sample_value
        names = ("new", "edited", "seen", "refused")
        found = {name: value("depeche_entries_total", {"connector": "push", "fate": name}) for name in names}
        return {name: number for name, number in found.items() if number}


def items(*fields: dict[str, object], source: str = "push") -> Sequence[Pushed | Problem]:
    entries = [entry_of_fields(one, origin=f"push entry {index}") for index, one in enumerate(fields)]
    return [Pushed(index, entry.source_id or source, entry) for index, entry in enumerate(entries)]


def outcomes(results: Sequence[Result]) -> list[str]:
    return [result.outcome for result in results]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    with rig.running():
        yield rig
    rig.publisher.close()
    rig.state.close()


def test_the_same_again_is_unchanged_and_an_edit_is_a_later_version(rig: Rig) -> None:
    (first,) = rig.push({"id": "a", "text": "Un."})
    assert first.outcome == "new"
    assert first.article_id == article_id("push", "a")
    (again,) = rig.push({"id": "a", "text": "Un."})
    assert (again.outcome, again.article_id, again.version) == ("unchanged", first.article_id, first.version)
    (edit,) = rig.push({"id": "a", "text": "Un, corrigé."})
    assert (edit.outcome, edit.article_id) == ("edited", first.article_id)
    (killed,) = rig.push({"id": "a", "status": "killed"})
    assert (killed.outcome, killed.article_id) == ("edited", first.article_id)
    versions = rig.articles()
    assert [(found.text, found.status) for found in versions] == [
        ("Un.", "usable"),
        ("Un, corrigé.", "usable"),
        ("", "killed"),
    ]
    assert [found.version for found in versions] == [first.version, edit.version, killed.version]
    assert sorted(found.fetched for found in versions) == [found.fetched for found in versions]
    assert len({found.fetched for found in versions}) == 3  # though the clock stood still
    assert all(found.provenance.hop == "push" and found.connector == "push" for found in versions)
    assert rig.fates() == {"new": 1, "edited": 2, "seen": 1}


def test_versions_and_repeats_within_one_request(rig: Rig) -> None:
    results = rig.push(
        {"id": "a", "text": "Un."}, {"id": "a", "text": "Un."}, {"id": "a", "text": "Deux."}, {"id": "b", "text": "B."}
    )
    assert outcomes(results) == ["new", "unchanged", "edited", "new"]
    assert [result.index for result in results] == [0, 1, 2, 3]
    assert [found.text for found in sorted(rig.articles(), key=lambda found: found.fetched)][-1] == "Deux."
    assert outcomes(rig.push({"id": "a", "text": "Deux."})) == ["unchanged"]


def test_one_id_under_two_sources_is_two_articles_and_it_does_not_matter_who_names_the_source(rig: Rig) -> None:
    results = rig.push({"id": "a", "text": "Un."}, {"id": "a", "text": "Un.", "source": "j.example"})
    assert outcomes(results) == ["new", "new"]
    assert results[0].article_id != results[1].article_id
    assert outcomes(rig.push({"id": "a", "text": "Un."}, source="j.example")) == ["unchanged"]
    assert outcomes(rig.push({"id": "a", "text": "Autre."}, source="j.example")) == ["edited"]


def test_the_canonical_link_is_the_identity_where_there_is_no_id(rig: Rig) -> None:
    title = "Un titre"
    (first,) = rig.push({"url": "https://j.example/monde/article-1?utm_source=x", "text": "Un.", "title": title})
    (again,) = rig.push({"url": "HTTPS://j.example:443/monde/article-1", "text": "Un.", "title": title})
    assert (again.outcome, again.article_id) == ("unchanged", first.article_id)
    (other,) = rig.push({"url": "https://k.example/monde/article-1", "text": "Un.", "title": title})
    assert other.outcome == "new"  # a push does not say that the former address is gone


def test_what_a_feed_brought_is_known_and_a_correction_replaces_it(rig: Rig) -> None:
    source = Source(id="j.example")
    entries = [entry_of_fields({"id": "a", "text": "Par le fil."}, origin="feed")]
    listing = Listing("https://j.example/rss", source, "feed", NOW, repeats="first")
    listed = decide(entries, rig.state.seen(candidates(entries, source)), listing, PROVENANCE)
    rig.state.commit(StateChange(seen=listed.seen))
    (known,) = rig.push({"id": "a", "text": "Par la poussée."}, source="j.example")
    assert (known.outcome, known.article_id) == ("known", listed.articles[0].article_id)
    assert rig.articles() == []
    (corrected,) = rig.push({"id": "a", "text": "Corrigé.", "status": "corrected"}, source="j.example")
    assert corrected.outcome == "edited"
    (article,) = rig.articles()
    assert article.fetched > listed.articles[0].fetched


def test_what_a_file_withdrew_is_known_and_a_push_does_not_bring_it_back(rig: Rig) -> None:
    entries = [entry_of_fields({"id": "a", "status": "killed"}, origin="drop/a.jsonl:1")]
    listing = Listing("folder:drop", Source(id="j.example"), "folder", NOW, repeats="versions")
    dropped = decide(entries, SeenIndex(), listing, PROVENANCE)
    rig.state.commit(StateChange(seen=dropped.seen))
    for text in ("Faux.", "Faux, édité."):
        (known,) = rig.push({"id": "a", "text": text, "date": "2020-01-01"}, source="j.example")
        assert (known.outcome, known.article_id) == ("known", dropped.articles[0].article_id)
    assert rig.articles() == []
    assert outcomes(rig.push({"id": "a", "text": "Vrai.", "date": NOW.isoformat()}, source="j.example")) == ["known"]
    rig.now = NOW + timedelta(hours=1)
    later: dict[str, object] = {"id": "a", "text": "Vrai.", "date": rig.now.isoformat()}
    assert outcomes(rig.push(later, source="j.example")) == ["edited"]


def test_a_withdrawal_that_waits_for_the_broker_is_known_to_the_other_ways_in(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ack_seconds=DEADLINE)
    rig.log.wedge_after = 0
    wanted = Candidates(frozenset({("push", "a")}), frozenset())
    answer = rig.intake.submit(items({"id": "a", "status": "killed"}))
    with rig.running():
        give_up = time.monotonic() + DEADLINE
        while not any(row.withdrawn for row in rig.state.seen(wanted).rows()):
            assert time.monotonic() < give_up
            time.sleep(0.01)
        assert not answer.done()
        rig.log.wedge_after = None
        assert outcomes(answer.result(DEADLINE)) == ["new"]
    (row,) = rig.state.seen(wanted).rows()
    assert row.listing == "push:push"
    rig.publisher.close()
    rig.state.close()


def test_problems_are_answered_in_their_place(rig: Rig) -> None:
    request = [*items({"id": "a", "text": "Un."}), Problem(1, "text", "has no text")]
    results = rig.intake.submit(request).result(DEADLINE)
    assert results[1] == Result(1, "refused", field="text", reason="has no text")
    assert outcomes(results) == ["new", "refused"]
    assert rig.fates() == {"new": 1, "refused": 1}


def test_an_article_too_large_for_the_topic_is_refused_each_time_it_comes(rig: Rig) -> None:
    for _ in range(2):
        results = rig.push({"id": "big", "text": "x" * 30_000}, {"id": "big", "text": "x" * 30_000})
        assert outcomes(results) == ["refused", "refused"]
        assert "too large" in (results[0].reason or "")
    assert outcomes(rig.push({"id": "big", "text": "petit"})) == ["new"]


def test_many_requests_at_once_each_have_their_own_answer_and_one_article_has_one_first_version(rig: Rig) -> None:
    answers: list[Future[tuple[Result, ...]]] = []
    threads = [
        threading.Thread(
            target=lambda number=number: answers.append(
                rig.intake.submit(items({"id": "same", "text": "Un."}, {"id": f"own {number}", "text": "Un."}))
            )
        )
        for number in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [outcomes(answer.result(DEADLINE)) for answer in answers]
    assert sorted(first for first, _ in found) == ["new"] + ["unchanged"] * 39
    assert {second for _, second in found} == {"new"}
    assert len(rig.articles()) == 41


def test_no_answer_comes_before_the_acknowledgement_and_a_repeat_rests_on_it_too(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ack_seconds=0.2)
    rig.log.wedge_after = 0  # takes records and never answers
    first = rig.intake.submit(items({"id": "a", "text": "Un."}))
    second = rig.intake.submit(items({"id": "a", "text": "Un."}))
    with rig.running():
        assert outcomes(first.result(DEADLINE)) == ["unacknowledged"]
        assert outcomes(second.result(DEADLINE)) == ["unacknowledged"]
        assert rig.fates() == {}
        rig.log.wedge_after = None
        rig.intake._ack_seconds = DEADLINE  # the broker is back: now there is time
        (retried,) = rig.push({"id": "a", "text": "Un."})
        assert retried.outcome == "new"
        assert retried.article_id == first.result()[0].article_id
        assert retried.version == first.result()[0].version
    rig.publisher.close()
    rig.state.close()


def test_a_broker_that_is_away_is_given_up(tmp_path: Path) -> None:
    rig = Rig(tmp_path, ack_seconds=0.2)
    rig.log.refuse_connections = 10**6
    with rig.running():
        assert outcomes(rig.push({"id": "a", "text": "Un."})) == ["unacknowledged"]
        rig.log.refuse_connections = 0
        rig.intake._ack_seconds = DEADLINE
        assert outcomes(rig.push({"id": "a", "text": "Un."})) == ["new"]
    rig.publisher.close()
    rig.state.close()


def test_what_nobody_waits_for_any_more_is_not_sent(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    given_up, waiting = (rig.intake.submit(items({"id": one, "text": "Un."})) for one in "ab")
    assert given_up.cancel()
    with rig.running():
        assert outcomes(waiting.result(DEADLINE)) == ["new"]
    assert [found.identity.key for found in rig.articles()] == ["b"]
    rig.publisher.close()
    rig.state.close()


def test_a_stop_ends_the_waiting_and_cancels_the_rest(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.log.refuse_connections = 10**6
    with rig.running():
        waiting = rig.intake.submit(items({"id": "a", "text": "Un."}))
        while rig.log.refuse_connections == 10**6:
            assert not waiting.done()
        left = rig.intake.submit(items({"id": "b", "text": "Deux."}))
    assert outcomes(waiting.result(0)) == ["unacknowledged"]
    with pytest.raises(CancelledError):
        left.result(0)
    rig.publisher.close()
    rig.state.close()


def test_a_large_request_goes_alone_and_the_order_of_the_others_stays(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    fields: list[dict[str, object]] = [{"id": f"l{number}", "text": "x"} for number in range(3_000)]
    large, first, second = items(*fields), items({"id": "a", "text": "Un."}), items({"id": "a", "text": "Deux."})
    answers = [rig.intake.submit(request) for request in (large, first, second, large)]
    with rig.running():
        found = [outcomes(answer.result(DEADLINE)) for answer in answers]
    assert [set(outcome) for outcome in found] == [{"new"}, {"new"}, {"edited"}, {"unchanged"}]
    rig.publisher.close()
    rig.state.close()


class _Failing(State):
    """A state that can be told to fail."""

    fail: Callable[[], None] = staticmethod(lambda: None)

    def commit(self, change: StateChange) -> None:
        self.fail()
        super().commit(change)


def test_a_state_that_can_not_be_written_ends_the_intake_and_says_so(tmp_path: Path) -> None:
    state = _Failing(tmp_path / "state.sqlite")
    rig = Rig(tmp_path, state=state)

    def fail() -> None:
        raise StateError("can't write state: disk full")

    state.fail = fail
    with rig.running(), pytest.raises(StateError, match="disk full"):
        rig.push({"id": "a", "text": "Un."})
    assert [str(error) for error in rig.failure] == ["can't write state: disk full"]
    rig.publisher.close()
    state.close()


def test_a_bug_costs_its_own_request_alone(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    broken = [Pushed(0, "s" * 500, entry_of_fields({"id": "a", "text": "x"}, origin="x"))]  # no such Source
    good = items({"id": "b", "text": "Bon."})
    answers = [rig.intake.submit(request) for request in (broken, good)]
    assert outcomes(answers[1].result(DEADLINE)) == ["new"]
    with pytest.raises(ValueError, match="at most 200"):
        answers[0].result(DEADLINE)
    assert "not foreseen" in caplog.text
    value = rig.metrics.registry.get_sample_value
    assert value("depeche_connector_errors_total", {"connector": "push", "error_class": "bug"}) == 1


def test_a_clock_set_back_does_not_make_an_edit_older_than_what_it_edits(rig: Rig) -> None:
    rig.push({"id": "a", "text": "Un."})
    rig.now = datetime(2020, 1, 1, tzinfo=UTC)
    rig.push({"id": "a", "text": "Deux."})
    first, second = rig.articles()
    assert second.fetched > first.fetched


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_broker_does_the_last_push_of_each_article_is_its_latest_version(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    rig = Rig(tmp_path, ack_seconds=0.15)
    last: dict[str, str] = {}
    with rig.running():
        for number in range(40):
            ids = chance.sample("abcdef", chance.randint(1, 3))
            request: list[dict[str, object]] = [{"id": one, "text": f"{number % 7}"} for one in ids]
            rig.log.fail_sends = chance.choice((0, 0, 1, 3))
            rig.log.refuse_connections = chance.choice((0, 0, 0, 30))
            while "unacknowledged" in outcomes(rig.push(*request)):
                rig.log.refuse_connections = 0
            last |= dict.fromkeys(ids, f"{number % 7}")
            assert outcomes(rig.push(*request)) == ["unchanged"] * len(ids)
    latest: dict[str, Article] = {}
    for article in rig.articles():
        known = latest.get(article.identity.key)
        if known is None or article.revision > known.revision:
            latest[article.identity.key] = article
    assert {key: article.text for key, article in latest.items()} == last
    rig.publisher.close()
    rig.state.close()
