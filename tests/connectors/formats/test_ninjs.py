import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.entry import Entry
from connectors.formats import ninjs
from connectors.formats.ninjs import entries_of_ninjs, entry_of_item
from connectors.formats.wire import Body, WireError, WireProblem, embargo_of, longest, source_of, status_of, version_of

ITEM: dict[str, Any] = {"uri": "urn:x:1", "bodies": [{"value": "Un texte."}]}


def entry(**fields: Any) -> Entry:
    return entry_of_item(ITEM | fields, origin="a.json")


def problem(document: str) -> WireProblem:
    (item,) = entries_of_ninjs(document, name="a.json")
    assert isinstance(item, WireProblem)
    return item


@pytest.mark.parametrize(
    ("written", "status"),
    [(None, "usable"), ("usable", "usable"), ("Usable ", "usable"), ("canceled", "killed"), ("cancelled", "killed"),
     ("killed", "killed")],
)  # fmt: skip
def test_the_publishing_status_is_the_article_s(written: str | None, status: str) -> None:
    assert entry(pubstatus=written).status == status
    assert status_of(written) == status


@pytest.mark.parametrize(
    ("written", "why"), [("withheld", "withheld by its publisher"), ("draft", "unknown"), ("", "")]
)
def test_what_is_withheld_or_unknown_is_not_published(written: str, why: str) -> None:
    if not written:
        assert entry(pubstatus=written).status == "usable"
        return
    with pytest.raises(WireError, match=why):
        entry(pubstatus=written)


def test_a_killed_item_carries_no_text_and_waits_for_no_embargo() -> None:
    killed = entry(pubstatus="canceled", embargoed="2099-01-01T00:00:00Z", descriptions=[{"value": "Un texte."}])
    assert (killed.status, killed.text, killed.summary, killed.embargoed) == ("killed", "", None, None)


@pytest.mark.parametrize(
    ("written", "version"),
    [("7", 7), (7, 7), (" 12 ", 12), ("0", 0), (None, None), ("1.2", None), ("v2", None), (-1, None), (True, None),
     ("٣", None), ("9" * 30, None), (10**30, None), (1.0, None), ([1], None)],
)  # fmt: skip
def test_a_version_is_a_number_or_nothing(written: object, version: int | None) -> None:
    assert version_of(written) == version
    assert entry(version=written).publisher_version == version


@pytest.mark.parametrize(
    ("identity", "source"),
    [
        ("urn:newsml:dpa.com:20090101:190510-99-167362", "dpa.com"),
        ("URN:NEWSML:AFP.com:x", "afp.com"),
        ("tag:reuters.com,2016:newsml_OVE48850O", "reuters.com"),
        ("https://www.agence.example:8443/n/1", "agence.example"),
        ("http://user:secret@agence.example/n/1", "agence.example"),
        ("urn:8d19cf88-b3ab-4972-8fec-1207599f2872", None),
        ("urn:newsml:localhost:1", None),
        ("http://[::1/a", None),
        ("http:///a", None),
        ("N1", None),
    ],
)
def test_the_source_is_what_the_id_names_so_that_a_kill_notice_finds_it(identity: str, source: str | None) -> None:
    assert source_of(identity) == source
    whole = entry(uri=identity, copyrightholder="Agence")
    notice = entry_of_item({"uri": identity, "pubstatus": "canceled"}, origin="b.json")
    assert whole.source_id == notice.source_id == source


@pytest.mark.parametrize(
    ("written", "end"),
    [
        (None, None),
        ("2030-01-01T12:00:00+01:00", datetime(2030, 1, 1, 11, tzinfo=UTC)),
        ("2030-01-01T12:00:00Z", datetime(2030, 1, 1, 12, tzinfo=UTC)),
        ("2030-01-01T12:00:00.001Z", datetime(2030, 1, 1, 12, 0, 1, tzinfo=UTC)),
        ("2030-01-01T12:00:00", datetime(2030, 1, 2, 0, tzinfo=UTC)),  # at the latest, in UTC-12
        ("2030-01-01", datetime(2030, 1, 1, 12, tzinfo=UTC)),
    ],
)
def test_an_embargo_never_ends_too_early(written: str | None, end: datetime | None) -> None:
    assert embargo_of(written) == end
    assert entry(embargoed=written).embargoed == end


@pytest.mark.parametrize(
    ("written", "why"), [("", "until further notice"), ("  ", "until"), ("lundi", "can't be read")]
)
def test_an_embargo_without_an_end_that_can_be_read_is_not_published(written: str, why: str) -> None:
    with pytest.raises(WireError, match=why):
        embargo_of(written)


def test_an_empty_embargo_of_ninjs_is_none() -> None:
    assert entry(embargoed="").embargoed is None


def test_the_body_that_says_most_is_taken_and_markup_before_plain_lines() -> None:
    html, plain, teaser = (
        Body("x" * 95, is_markup=True),
        Body("y" * 100, is_markup=False),
        Body("z" * 30, is_markup=True),
    )
    assert longest([]) == ""
    assert longest([plain, html, teaser]) == html.text
    assert longest([teaser, plain]) == plain.text
    assert longest(["audio/mpeg", plain]) == plain.text
    with pytest.raises(WireError, match="not read: audio/mpeg, image/jpeg"):
        longest(["audio/mpeg", "image/jpeg", Body("", is_markup=True)])


def test_a_nitf_body_that_is_broken_or_declares_a_document_type_gives_way_to_another() -> None:
    bodies = [
        {"role": "nitf", "contenttype": "text/vnd.IPTC.NITF", "value": "<nitf><body>"},
        {"role": "nitf", "value": '<!DOCTYPE nitf [<!ENTITY a "b">]><nitf><body>&a;</body></nitf>'},
    ]
    assert entry(bodies=[*bodies, {"role": "text", "value": "Le texte."}]).text == "Le texte."
    with pytest.raises(WireError, match="form that is not read: NITF, not well-formed XML"):
        entry(bodies=bodies[:1])
    with pytest.raises(WireError, match="declares a document type"):
        entry(bodies=bodies[1:])


def test_the_first_date_there_is_says_which_it_was() -> None:
    dates = {"firstcreated": "2024-01-01T00:00:00Z", "contentcreated": "2023-01-01T00:00:00Z"}
    assert entry(**dates).published_raw == "2024-01-01T00:00:00Z"
    assert entry(**dates).published_field == "firstCreated"
    assert entry(**dates, versioncreated="2024-02-01T00:00:00Z").published_field == "versionCreated"
    assert (entry().published_raw, entry().published_field) == (None, "published")


@pytest.mark.parametrize(
    ("signal", "status"),
    [
        ([{"qcode": "sig:correction"}], "corrected"),
        ([{"uri": "http://cv.iptc.org/newscodes/signal/correction"}], "corrected"),
        ({"code": "correction"}, "corrected"),
        ("sig:correction", "corrected"),
        ([{"qcode": "sig:update"}], "usable"),
        ([{"code": 3}, None, 4], "usable"),
        (None, "usable"),
    ],
)
def test_only_a_signal_of_correction_is_a_correction(signal: object, status: str) -> None:
    assert entry(signal=signal, ednote="CORRECTION: date").status == status


def test_names_are_the_same_in_any_case() -> None:
    item = {"URI": "urn:x:1", "pubStatus": "canceled", "VersionCreated": "2024-01-01T00:00:00Z"}
    read = entry_of_item(item, origin="a")
    assert (read.status, read.published_raw) == ("killed", "2024-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("document", "why", "error_class"),
    [
        ("", "not JSON", "malformed"),
        ("{", "not JSON", "malformed"),
        ("[" * 100_000, "not JSON", "malformed"),
        ("{" * 50 + "}" * 50, "not JSON", "malformed"),
        ('{"uri": 1' + "0" * 5_000 + "}", "not JSON", "malformed"),
        ("[]", "an array without items", "invalid"),
        ("null", "must be a ninjs item", "invalid"),
        ("3", "must be a ninjs item", "invalid"),
        ("{}", "has no uri", "invalid"),
        ('{"items": [{"uri": "urn:x:1"}]}', "has no uri", "invalid"),
        ('{"uri": "  "}', "has no uri", "invalid"),
        ('{"uri": "urn:x:1", "headline": 3}', "has neither title nor text", "invalid"),
        ('{"uri": "urn:x:1", "language": 3, "title": "t"}', "language must be a string", "invalid"),
        ('{"uri": "urn:x:1", "type": "video", "title": "t"}', "video without text", "invalid"),
        ('{"uri": "urn:x:1", "type": "composite", "title": "t", "associations": [{}]}', "composite of", "invalid"),
    ],
)  # fmt: skip
def test_what_is_no_item_is_one_problem_that_says_why(document: str, why: str, error_class: str) -> None:
    found = problem(document)
    assert why in found.reason
    assert found.error_class == error_class


def test_too_many_items_are_refused_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ninjs, "MAX_ITEMS", 3)
    items = [ITEM | {"uri": f"urn:x:{number}"} for number in range(4)]
    assert "more than 3 items" in problem(json.dumps(items)).reason
    assert "more than 3 items" in problem("\n".join(map(json.dumps, items))).reason
    assert len(list(entries_of_ninjs(json.dumps(items[:3]), name="a.json"))) == 3


def test_lone_surrogates_and_nul_do_no_harm() -> None:
    read = entry(uri="urn:x:\ud83d", bodies=[{"value": "a\x00b \ud83d"}], copyrightholder="\ud83d")
    assert "\ud83d" not in read.text + (read.guid or "") + (read.rights.holder or "" if read.rights else "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["uri", "type", "bodies", "body_text", "headlines", "headline", "descriptions", "value", "role",
                         "contenttype", "signal", "rightsinfo", "embargoed", "pubstatus", "version", "by", "title"]),
        inner, max_size=8),
    max_leaves=25,
)  # fmt: skip


@given(JSON)
def test_no_json_breaks_it(value: object) -> None:
    items = list(entries_of_ninjs(json.dumps(value), name="a.json"))
    assert items
    assert all(isinstance(item, Entry | WireProblem) for item in items)
