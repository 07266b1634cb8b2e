"""How the measures of throughput cast up what they read."""

import time

from bench import costly_coder
from bench.throughput import Round, article_to_event, lines, own_articles
from depeche.reader import Record
from schemas.base import Message
from streams.merging import EventState, merge, to_event
from tests.streams.samples import article, mention


def record(message: Message, seconds: float) -> Record:
    return Record("t", 0, 0, int(seconds * 1000), b"k", message.to_bytes())


def test_an_article_is_done_when_the_last_of_its_mentions_is_first_in_an_event() -> None:
    one, two, quiet = (article(f"Un texte {guid}.", guid=guid) for guid in ("1", "2", "3"))
    told = [mention(one), mention(one, plover="AID"), mention(two)]
    states = [
        (told[0].event_id, merge(EventState(), told[0]), 11.0),
        (told[1].event_id, merge(EventState(), told[1]), 12.5),
        (told[2].event_id, merge(merge(EventState(), told[0]), told[2]), 15.0),
    ]
    articles = [record(one, 10.0), record(two, 11.0), record(quiet, 12.0)]
    mentions = [record(said, 11.0) for said in told]
    events = [record(made, moment) for event, state, moment in states if (made := to_event(event, state))]
    everything = {one.article_id for one in (one, two, quiet)}
    assert article_to_event(articles, mentions, events, everything) == [2.5, 4.0]
    assert article_to_event(articles, mentions, events, {two.article_id}) == [4.0]
    assert article_to_event([], [], [], everything) == []


def test_rounds_are_told_by_their_medians_and_ratios() -> None:
    rounds = [
        Round({1: 50.0, 2: 100.0}, {1: 40.0, 2: rate}, 20.0, [0.5, 1.0, 9.0], right=True) for rate in (60.0, 80.0, 70.0)
    ]
    told = "\n".join(lines(rounds))
    assert "70.0 (60.0, 80.0, 70.0) articles a second" in told
    assert "two workers / one        1.75 (1.50, 2.00, 1.75)" in told
    assert "article to event, p50    1.00" in told
    assert "article to event, p99    9.00" in told


def test_own_articles_differ_and_are_the_same_each_time() -> None:
    made = own_articles(20, "standard")
    assert len({one.article_id for one in made}) == 20
    assert made == own_articles(20, "standard")
    assert all(one.text for one in made)


def test_the_costly_coder_takes_processor_time_for_each_article() -> None:
    before = time.process_time()
    codings = costly_coder.load().code([article("EVENT ASSAULT FRA>MLI 2016-05-01", guid="1"), article("Rien.")])
    assert [coding.outcome for coding in codings] == ["coded", "no_event"]
    assert time.process_time() - before >= 2 * costly_coder.CPU_SECONDS
