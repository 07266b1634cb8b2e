from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from depeche.present import act, counted, describe, line, mention_table, printable, quantity, read, short, visible
from schemas.mention import ActDate, Mention, Party, Quantity, Withdrawal
from schemas.topics import ARTICLES, DEAD_LETTERS, EVENTS, MENTIONS, OUTCOMES, TOPICS
from tests.depeche.samples import NOON, article, dead_letter, mention, outcome

ESCAPE = "\x1b[2J\x1b]0;owned\x07"


@given(st.text(alphabet=st.characters(), max_size=200))
def test_what_a_terminal_would_obey_is_never_shown(text: str) -> None:
    assert printable(text).isprintable()
    assert visible(text).isprintable()


@given(st.text(max_size=300), st.integers(2, 50))
def test_short_texts_are_short(text: str, length: int) -> None:
    assert len(short(text, length)) <= length


def test_an_act_tells_who_did_what_to_whom_where_when_and_how_many() -> None:
    assert act(mention(article())) == (
        "MOBILIZE/troops · France (FRA:GOV) → Mali (MLI) · in Mali (ML) · on 2024-03-05 · 200 troops (soldats) · "
        "asserted · 0.75"
    )


def test_empty_slots_are_left_out_and_unknown_parties_asked_for() -> None:
    bare = mention(article(), mode=None, actors=(), targets=(), place=None, date=None, quantities=(), historical=True)
    assert act(bare) == "MOBILIZE · ? → ? · asserted, historical · 0.75"


@pytest.mark.parametrize(
    ("value", "upper", "op", "unit", "shown"),
    [
        (20.0, None, ">=", None, ">= 20 dead"),
        (20.0, 30.0, "=", "civils", "20 to 30 dead (civils)"),
        (None, None, "~", None, "des dizaines (dead)"),
    ],
)
def test_quantities_are_shown_with_their_bounds(
    value: float | None, upper: float | None, op: str, unit: str | None, shown: str
) -> None:
    item = Quantity.model_validate(
        {
            "kind": "dead",
            "value": value,
            "upper": upper,
            "op": op,
            "unit": unit,
            "text": "des dizaines",
            "start": 0,
            "end": 1,
        }
    )
    assert quantity(item) == shown


def test_a_date_without_a_value_is_shown_in_its_words() -> None:
    told = mention(article(), date=ActDate(text="jeudi", how="no anchor"))
    assert "on “jeudi”" in act(told)


def test_each_message_has_its_line() -> None:
    of = article()
    assert describe(of).endswith(f"usable · journal · 2024-03-05 12:00 · Titre · {len(of.text)} characters")
    assert "coded · no language · 0 mentions · news.articles[0]@0" in describe(outcome(of))
    assert describe(dead_letter("news.articles", 1, 7)) == "invalid at coder · news.articles[1]@7 · not an Article"
    assert describe(mention(of)).endswith(f"0.75 · {of.text}")
    withdrawal = Withdrawal(event_id="e" * 32, article_id="a" * 32, article_version="v", fetched=NOON, reason="killed")
    assert describe(withdrawal) == "eeeeeeee WITHDRAWN by article aaaaaaaa: killed"


def test_a_line_shows_no_control_characters_of_topics_ids_and_modes() -> None:
    wild = "\x1b[2J\u202e"
    lines = [
        line(DEAD_LETTERS, dead_letter(wild, 0, 1).to_bytes()),
        line(OUTCOMES, outcome(article()).model_copy(update={"topic": wild, "article_id": wild}).to_bytes()),
        line(MENTIONS, mention(article(), mode=wild, event_id=wild).to_bytes()),
    ]
    assert [one for one in lines if "INVALID" in one or not one.isprintable()] == []
    assert all("\\x1b[2J" in one for one in lines)


def test_a_line_starts_with_the_time_of_the_record() -> None:
    assert line(OUTCOMES, outcome(article()).to_bytes(), 1_700_000_000_000).startswith("22:13:20 ")


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.suffix)
@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xff\x00" * 500, ESCAPE.encode(), b"[" * 10_000, b'{"kind": 1}'])
def test_invalid_records_are_shown_as_such(topic: object, value: bytes | None) -> None:
    shown = line(topic, value)  # type: ignore[arg-type]
    assert shown.startswith("INVALID")
    assert shown.isprintable()
    assert len(shown) < 1000


def test_the_model_of_each_topic_is_found() -> None:
    of = article()
    for topic, message in ((ARTICLES, of), (OUTCOMES, outcome(of)), (MENTIONS, mention(of))):
        assert read(topic, message.to_bytes()) == message
    assert isinstance(read(EVENTS, of.to_bytes()), str)
    assert isinstance(read(DEAD_LETTERS, of.to_bytes()), str)


def render(*mentions: Mention, title: str = "t") -> str:
    output = StringIO()
    Console(file=output, width=160, color_system=None).print(mention_table(title, mentions))
    return output.getvalue()


def test_the_table_shows_the_whole_sentence_and_every_slot() -> None:
    shown = " ".join(render(mention(article())).split())
    for words in ("Paris a envoyé deux cents soldats au", "MOBILIZE", "France (FRA:GOV)", "→ Mali (MLI)", "2024-03-05"):
        assert words in shown


def test_the_table_takes_markup_and_control_characters_as_text() -> None:
    hostile = f"[bold red]{ESCAPE} :smile: a"
    of = article(text=hostile)
    told = mention(of, actors=(Party(text="[/]", how="x"),))
    shown = render(told, title=f"[/]{ESCAPE}")
    assert "\x1b" not in shown
    assert "[bold red]" in shown
    assert ":smile:" in shown


def test_one_is_no_plural() -> None:
    assert [counted(number, "source") for number in (0, 1, 2)] == ["0 sources", "1 source", "2 sources"]
