import asyncio
from collections.abc import Sequence

import pytest

from schemas.article import Article
from schemas.dead_letter import DeadLetter
from schemas.outcome import Outcome
from schemas.topics import DEAD_LETTERS, MENTIONS, OUTCOMES
from streams.coder_stage import CoderStage
from streams.coding_job import Input, LoadedCoder, Refused, Result, code_with, facts_of, standard_coder
from streams.dead_letters import DeadLetterRatioError, RatioStop
from streams.records import Incoming
from tests.streams import fake_coder
from tests.streams.fakes import FakeBroker, clock, metrics, record
from tests.streams.samples import article

LIMIT = 10_000


async def code(inputs: Sequence[Input]) -> list[Result]:
    """The pool's job in this process."""
    return code_with(fake_coder.load(), inputs, max_text_characters=LIMIT)


def run(records: list[Incoming], broker: FakeBroker, *, minimum: int = 50) -> None:
    stage = CoderStage(
        code=code,
        coder_version=lambda: fake_coder.VERSION,
        publish=broker.publish,
        clock=clock,
        ratio_stop=RatioStop(stage="coder", minimum=minimum),
        metrics=metrics(),
    )
    asyncio.run(stage.process(records))


def of(text: str, *, guid: str = "a", partition: int = 0, offset: int = 0) -> Incoming:
    one = article(text, guid=guid)
    return record(one, key=one.article_id.encode(), partition=partition, offset=offset)


def outcomes(broker: FakeBroker) -> list[Outcome]:
    return [Outcome.from_bytes(one.value) for one in broker.on(OUTCOMES)]


def letters(broker: FakeBroker) -> list[DeadLetter]:
    return [DeadLetter.from_bytes(one.value) for one in broker.on(DEAD_LETTERS)]


def test_a_coded_article_gives_its_mentions_and_one_outcome_on_its_own_partition() -> None:
    broker = FakeBroker()
    run([of("EVENT AID FRA>MLI 2016-05-01\nEVENT ASSAULT FRA>MLI 2016-05-01", partition=3, offset=7)], broker)
    (outcome,) = outcomes(broker)
    assert (outcome.outcome, outcome.counts.mentions, outcome.partition, outcome.offset) == ("coded", 2, 3, 7)
    assert outcome.coder_version == fake_coder.VERSION
    (out,) = broker.on(OUTCOMES)
    assert out.partition == 3
    assert out.key == f"{outcome.article_id}:{outcome.version}".encode()
    mentions = broker.on(MENTIONS)
    assert sorted(one.key.decode() for one in mentions if one.key) == list(outcome.event_ids)
    assert all(one.partition is None for one in mentions)
    assert dict(mentions[0].headers)["ce_type"] == b"depeche.mention.v1"


def test_latencies_run_from_publication_fetch_and_queue() -> None:
    broker = FakeBroker()
    run([of("rien")], broker)
    (outcome,) = outcomes(broker)
    assert (outcome.latency.published, outcome.latency.fetched, outcome.latency.queued) == (3600, 3600, 3600)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("", "empty"), ("Il pleut.", "no_event"), ("\u0645\u0631\u062d\u0628\u0627", "unsupported_language")],
)
def test_what_gives_no_event_says_why(text: str, kind: str) -> None:
    broker = FakeBroker()
    run([of(text)], broker)
    assert [one.outcome for one in outcomes(broker)] == [kind]
    assert broker.on(MENTIONS) == []


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"\xff\xfe\x00", b"null", b'{"article_id": "a"}', b'{"text": "\\ud800"}', b"[" * 100_000]
)
def test_what_is_no_article_is_a_dead_letter_and_the_rest_of_the_batch_goes_on(value: bytes | None) -> None:
    broker = FakeBroker()
    run([record(value, key=b"k", offset=5), of("EVENT AID FRA>MLI 2016-05-01")], broker)
    (letter,) = letters(broker)
    assert (letter.reason, letter.stage, letter.offset) == ("invalid", "coder", 5)
    assert letter.original_value() == value
    assert [one.outcome for one in outcomes(broker)] == ["coded"]


def test_an_article_under_a_wrong_key_is_refused_since_its_versions_would_not_meet() -> None:
    broker = FakeBroker()
    run([record(article("A"), key=b"other")], broker)
    assert "key" in letters(broker)[0].error
    assert [one.outcome for one in outcomes(broker)] == ["dead_letter"]


def test_a_text_over_the_limit_is_too_large_and_at_the_limit_is_coded() -> None:
    broker = FakeBroker()
    run([of("x" * LIMIT, guid="1"), of("x" * (LIMIT + 1), guid="2")], broker)
    assert [one.outcome for one in outcomes(broker)] == ["no_event", "dead_letter"]
    assert letters(broker)[0].reason == "too_large"


def test_a_bug_costs_only_the_article_that_it_shows_on() -> None:
    broker = FakeBroker()
    run([of("un", guid="1"), of("RAISE", guid="2"), of("EVENT AID FRA>MLI 2016-05-01", guid="3")], broker)
    assert [one.outcome for one in outcomes(broker)] == ["no_event", "dead_letter", "coded"]
    (letter,) = letters(broker)
    assert letter.reason == "bug"
    assert letter.traceback is not None
    assert "ZeroDivisionError: a bug in the coder" in letter.traceback
    assert "fake_coder.py" in letter.traceback


def test_a_coder_that_returns_too_few_codings_is_a_bug_of_each_article() -> None:
    lazy = LoadedCoder("lazy", lambda _articles: [])
    results = code_with(lazy, [(r.key, r.value) for r in [of("a"), of("b", guid="2")]], max_text_characters=LIMIT)
    assert [result.reason for result in results if isinstance(result, Refused)] == ["bug", "bug"]


def test_too_many_dead_letters_stop_the_stage_and_nothing_of_the_batch_is_written() -> None:
    broker = FakeBroker()
    with pytest.raises(DeadLetterRatioError):
        run([of("RAISE", guid=str(number)) for number in range(10)], broker, minimum=10)
    assert broker.written == []


def test_a_broker_that_refuses_is_no_fault_of_the_articles() -> None:
    broker = FakeBroker()
    broker.down = True
    with pytest.raises(ConnectionError):
        run([of("EVENT AID FRA>MLI 2016-05-01")], broker)


def test_the_same_articles_give_the_same_mention_records_in_any_batch() -> None:
    together, alone = FakeBroker(), FakeBroker()
    records = [of(f"EVENT AID FRA>MLI 2016-05-0{day}", guid=str(day)) for day in range(1, 6)]
    run(records, together)
    for one in reversed(records):
        run([one], alone)
    assert sorted(together.on(MENTIONS), key=lambda o: o.value) == sorted(alone.on(MENTIONS), key=lambda o: o.value)


def test_the_standard_coder_loads_and_names_its_version() -> None:
    from streams.coding.coder import CODER_VERSION  # noqa: PLC0415 - only this test needs the models

    assert standard_coder().version == CODER_VERSION


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_no_calendar_has_in_utc_is_a_dead_letter_and_not_the_end_of_the_worker(moment: str) -> None:
    broker = FakeBroker()
    one = of("EVENT AID FRA>MLI 2016-05-01")
    assert one.value is not None
    bad = one.value.replace(b"2016-05-02T08:00:00Z", moment.encode())
    assert bad != one.value
    run([record(bad, key=one.key), of("un", guid="b")], broker)
    assert [letter.reason for letter in letters(broker)] == ["invalid"]
    assert [outcome.outcome for outcome in outcomes(broker)] == ["no_event"]


def test_a_model_that_fails_otherwise_than_by_its_rules_costs_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_value: bytes) -> Article:
        raise OverflowError("out of range")

    broker = FakeBroker()
    monkeypatch.setattr(Article, "from_bytes", fail)
    run([of("un")], broker)
    (letter,) = letters(broker)
    assert letter.reason == "bug"
    assert letter.traceback is not None
    assert "out of range" in letter.traceback


def test_an_error_with_half_a_surrogate_pair_in_it_is_told_all_the_same() -> None:
    broker = FakeBroker()

    async def refuse(inputs: Sequence[Input]) -> list[Result]:
        one = article("un")
        return [Refused(facts_of(one), "bug", "no file \udcff")]

    stage = CoderStage(
        code=refuse,
        coder_version=lambda: "1",
        publish=broker.publish,
        clock=clock,
        ratio_stop=RatioStop(stage="coder"),
        metrics=metrics(),
    )
    asyncio.run(stage.process([of("un")]))
    (outcome,) = outcomes(broker)
    assert outcome.reason == "bug: no file \\udcff"


def test_large_articles_are_published_a_part_of_the_batch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    journal: list[str] = []
    broker = FakeBroker(journal)
    records = [of("x" * 4_000), of("y" * 4_000), of("EVENT AID FRA>MLI 2016-05-01")]
    monkeypatch.setattr("streams.coder_stage.HAND_BYTES", 8_000)

    async def code(inputs: Sequence[Input]) -> list[Result]:
        journal.append(f"coded {len(inputs)}")
        return code_with(LoadedCoder("1", fake_coder.code), inputs, max_text_characters=10_000)

    stage = CoderStage(
        code=code,
        coder_version=lambda: "1",
        publish=broker.publish,
        clock=clock,
        ratio_stop=RatioStop(stage="coder"),
        metrics=metrics(),
    )
    asyncio.run(stage.process(records))
    assert journal == ["coded 1", "broker", "coded 2", "broker"]
    assert [one.outcome for one in outcomes(broker)] == ["no_event", "no_event", "coded"]


def test_an_error_as_long_as_an_article_is_shortened_before_it_leaves_its_process() -> None:
    def fail(_articles: Sequence[Article]) -> list[fake_coder.FakeCoding]:
        raise ValueError("x" * 10_000_000)

    one = article("un")
    (result,) = code_with(
        LoadedCoder("1", fail), [(one.article_id.encode(), one.to_bytes())], max_text_characters=LIMIT
    )
    assert isinstance(result, Refused)
    assert len(result.error) < 5_000
    assert result.error.startswith("ValueError: xxx")
    assert len(result.traceback or "") < 40_000
