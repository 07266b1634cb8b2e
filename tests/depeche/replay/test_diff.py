from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import pytest

from depeche.replay.books import Books, Side
from depeche.replay.diff import Difference, DiffOptions, DiffReport, SideReport, compare
from depeche.replay.diff_report import render
from schemas.article import Article
from schemas.mention import CoderVersion, Mention
from schemas.outcome import OutcomeKind
from tests.depeche.samples import article, mention
from tests.depeche.samples import outcome as sample_outcome

NEWER = CoderVersion(name="depeche", version="2", lexicon="0011223344", model="m")


@dataclass(frozen=True)
class Coding:
    """What a side says of an article version; `kept` are the mentions that its topic still has."""

    of: Article
    mentions: Sequence[Mention] = ()
    kind: OutcomeKind | None = None
    kept: Sequence[Mention] | None = None


def compared(
    left: Sequence[Coding], right: Sequence[Coding], options: DiffOptions | None = None
) -> tuple[DiffReport, list[Difference]]:
    """Enter what two sides say, in the order in which topics are read, and compare."""
    written: list[Difference] = []
    options = options or DiffOptions(examples=2)
    sides: tuple[tuple[Side, Sequence[Coding]], ...] = ((0, left), (1, right))
    with closing(sqlite3.connect("")) as database:
        books = Books(database)
        for side, codings in sides:
            for coding in codings:
                kind = coding.kind or ("coded" if coding.mentions else "no_event")
                events = tuple(sorted({one.event_id for one in coding.mentions}))
                books.add_outcome(side, sample_outcome(coding.of, kind).model_copy(update={"event_ids": events}))
        books.choose(all_versions=options.all_versions)
        for side, codings in sides:
            for coding in codings:
                for time, one in enumerate(coding.mentions if coding.kept is None else coding.kept):
                    books.add_mention(side, one, one.to_bytes(), time)
        return compare(books, (SideReport("old"), SideReport("new")), options, write=written.append), written


A, B = article("a"), article("b")


def test_the_same_coding_is_equal_byte_for_byte() -> None:
    coding = [Coding(A, [mention(A)]), Coding(B)]
    report, written = compared(coding, coding)
    assert not report.differ
    assert (report.compared, report.identical, report.same) == (2, 1, 0)
    assert written == []
    assert render(report).endswith("the codings are equal")


def test_another_coder_that_says_the_same_is_equal_with_other_reasons() -> None:
    one = mention(A)
    other = one.model_copy(
        update={"coder": NEWER, "confidence": 0.751, "reasons": one.reasons.model_copy(update={"date": "else"})}
    )
    report, _ = compared([Coding(A, [one])], [Coding(A, [other])])
    assert not report.differ
    assert (report.identical, report.same) == (0, 1)
    assert report.sides[0].coders == ("depeche 1, lexicon 0, model m",)
    assert report.sides[1].coders == ("depeche 2, lexicon 00112233, model m",)


def test_gained_lost_and_changed_are_counted_by_type_and_slot_with_their_outcomes() -> None:
    left = [Coding(A, [mention(A, mention_id="m1", type="PROTEST")]), Coding(B, [mention(B, mention_id="m2")])]
    right = [
        Coding(A, [mention(A, mention_id="m3", type="ASSAULT", event_id="e2" * 16, modality="denied")]),
        Coding(B),
    ]
    report, written = compared(left, right)
    assert report.differ
    assert (report.changed, report.lost, report.gained, report.events_moved) == (1, 1, 0, 1)
    assert report.slots == {"type": 1, "modality": 1}
    assert report.retyped == {"PROTEST → ASSAULT": 1}
    assert report.outcomes == {"coded → no_event": 1}
    assert (report.types["PROTEST"].left, report.types["PROTEST"].changed, report.types["ASSAULT"].right) == (1, 1, 1)
    assert report.types["MOBILIZE"].lost == 1
    assert sorted(one.what for one in written) == ["changed", "lost", "outcome"]
    back, _ = compared(right, left)
    assert (back.changed, back.lost, back.gained) == (1, 0, 1)
    assert back.outcomes == {"no_event → coded": 1}


def test_what_one_side_alone_coded_is_counted_apart_and_listed_and_is_no_difference() -> None:
    report, written = compared([Coding(A), Coding(B, [mention(B)])], [Coding(A)])
    assert not report.differ
    assert (report.sides[0].versions, report.sides[0].alone, report.sides[1].alone) == (2, 1, 0)
    assert [(one.what, one.article.article_id) for one in written] == [("only_left", B.article_id)]
    assert compared([], [Coding(A)])[1][0].as_json()["outcomes"] == [None, "no_event"]


def test_nothing_in_common_is_said() -> None:
    report, _ = compared([Coding(A)], [Coding(B)])
    assert report.compared == 0
    assert render(report).endswith("nothing was compared: no article version is in both")


def test_of_an_article_the_latest_version_of_both_is_compared_unless_all_are_asked_for() -> None:
    earlier = article("a", text="Un premier texte.")
    later = A.model_copy(update={"fetched": earlier.fetched + timedelta(minutes=1)})
    latest = article("a", text="Un dernier texte.")
    latest = latest.model_copy(update={"fetched": earlier.fetched + timedelta(minutes=2)})
    left = [Coding(later), Coding(earlier, [mention(earlier)]), Coding(latest, [mention(latest)])]
    right = [Coding(earlier), Coding(later)]
    report, _ = compared(left, right)
    assert (report.compared, report.superseded, report.differ) == (1, 1, False)
    report, _ = compared(left, right, DiffOptions(all_versions=True))
    assert (report.compared, report.superseded, report.lost) == (2, 0, 1)


def test_a_version_whose_mentions_left_the_topic_is_not_compared() -> None:
    one, other = mention(A, mention_id="m1"), mention(A, mention_id="m2", event_id="e2" * 16)
    report, written = compared([Coding(A, [one, other], kept=[one])], [Coding(A, [one, other])])
    assert (report.compared, report.differ, report.superseded) == (0, False, 0)
    assert (report.sides[0].incomplete, report.sides[1].incomplete) == (1, 0)
    assert [one.what for one in written] == ["incomplete"]
    assert "1 article version not compared: old.mentions no longer has" in render(report)


def test_of_a_version_that_was_coded_by_two_coders_the_last_coding_is_compared() -> None:
    before = mention(A, mention_id="m1", event_id="e0" * 16)
    again = mention(A, mention_id="m2")
    now = mention(A, mention_id="m3", coder=NEWER)
    left = Coding(A, [now], kept=[before, again, now])
    report, _ = compared([left], [Coding(A, [now])])
    assert (report.recoded, report.identical, report.differ) == (1, 1, False)


def test_the_same_record_twice_counts_once() -> None:
    one = mention(A)
    report, _ = compared([Coding(A, [one], kept=[one, one])], [Coding(A, [one])])
    assert (report.identical, report.recoded, report.differ) == (1, 0, False)


def test_examples_are_bounded_by_kind_and_shown_with_sentence_values_and_reasons() -> None:
    articles = [article(f"n{number}") for number in range(6)]
    left = [Coding(one, [mention(one, mention_id=one.article_id)]) for one in articles]
    right = [
        Coding(one, [mention(one, mention_id=one.article_id, place=None)] if number % 2 else [])
        for number, one in enumerate(articles)
    ]
    report, written = compared(left, right, DiffOptions(examples=2))
    assert sorted(one.what for one in report.examples) == ["changed"] * 2 + ["lost"] * 2 + ["outcome"] * 2
    assert len(written) == 9
    shown = render(report)
    assert "“Paris a envoyé deux cents soldats au Mali.”" in shown
    assert "    - Mali (ML)\n      because so the rule says\n    + –\n" in shown
    assert "  - coded\n  + no_event" in shown
    assert "  - MOBILIZE/troops · France (FRA:GOV) → Mali (MLI)" in shown
    assert compared(left, right, DiffOptions(examples=0))[0].examples == []


def test_the_report_and_each_difference_are_plain_values() -> None:
    report, written = compared([Coding(A, [mention(A)])], [Coding(A, [mention(A, confidence=0.5)])])
    plain = json.loads(json.dumps(report.as_json()))
    assert plain["differ"] is True
    assert plain["left"]["prefix"] == "old"
    assert plain["types"]["MOBILIZE"] == {"left": 1, "right": 1, "lost": 0, "gained": 0, "changed": 1}
    (one,) = (json.loads(json.dumps(each.as_json())) for each in written)
    assert one["slots"] == [
        {
            "slot": "confidence",
            "left": 0.75,
            "right": 0.5,
            "left_reason": "so the rule says",
            "right_reason": "so the rule says",
        }
    ]
    assert [each["mention_id"] for each in one["mentions"]] == ["m1", "m1"]


@pytest.mark.parametrize("text", ["Paris \x1b[2J a envoyé.", "Paris [red] a envoyé."])
def test_a_terminal_is_not_driven_by_what_it_is_shown(text: str) -> None:
    hostile = article("h", text=text)
    report, _ = compared([Coding(hostile, [mention(hostile, mode=text)])], [Coding(hostile)])
    assert all(line.isprintable() for line in render(report).splitlines())
