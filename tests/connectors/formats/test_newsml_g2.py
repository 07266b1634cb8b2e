from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.entry import Entry
from connectors.formats import newsml_g2
from connectors.formats.newsml_g2 import entries_of_newsml
from connectors.formats.wire import WireProblem

NAMESPACE = 'xmlns="http://iptc.org/std/nar/2006-10-01/"'
TEXT = "<contentSet><inlineData>Un texte.</inlineData></contentSet>"


def item(inside: str = "", *, guid: str = "urn:newsml:agence.example:1", content: str = TEXT) -> str:
    return f'<newsItem {NAMESPACE} guid="{guid}" version="2">{inside}{content}</newsItem>'


def entry(document: str) -> Entry:
    (found,) = entries_of_newsml(document.encode(), name="a.xml")
    assert isinstance(found, Entry), found
    return found


def problem(document: bytes) -> WireProblem:
    (found,) = entries_of_newsml(document, name="a.xml")
    assert isinstance(found, WireProblem), found
    return found


@pytest.mark.parametrize(
    ("meta", "status"),
    [
        ("", "usable"),
        ('<pubStatus qcode="stat:usable"/>', "usable"),
        ('<pubStatus qcode="autre:canceled"/>', "killed"),
        ('<pubStatus uri="http://cv.iptc.org/newscodes/pubstatusg2/canceled"/>', "killed"),
        ('<signal qcode="sig:update"/>', "usable"),
        ('<signal qcode="sig:correction"/>', "corrected"),
        ('<signal uri="http://cv.iptc.org/newscodes/signal/correction"/>', "corrected"),
        ('<edNote>CORRECTION: la date</edNote>', "usable"),
        ('<pubStatus qcode="stat:canceled"/><signal qcode="sig:correction"/>', "killed"),
    ],
)  # fmt: skip
def test_status_and_signal_say_what_the_version_is(meta: str, status: str) -> None:
    found = entry(item(f"<itemMeta>{meta}</itemMeta>"))
    assert found.status == status
    assert found.publisher_version == 2
    assert bool(found.text) == (status != "killed")


@pytest.mark.parametrize(
    ("meta", "why"),
    [
        ('<pubStatus qcode="stat:withheld"/>', "withheld by its publisher"),
        ('<pubStatus qcode="stat:hidden"/>', "'hidden' is unknown"),
        ("<embargoed/>", "until further notice"),
        ("<embargoed>plus tard</embargoed>", "can't be read"),
    ],
)
def test_what_may_not_be_published_is_a_problem(meta: str, why: str) -> None:
    assert why in problem(item(f"<itemMeta>{meta}</itemMeta>").encode()).reason


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<inlineXML><nitf><body><body.content><p>Un.</p>\n<p>Deux</p>et trois.</body.content></body></nitf>"
         "</inlineXML>", "Un.\nDeux\net trois."),
        ("<inlineXML><nitf><body><body.head><hl1>T</hl1></body.head><p>Un.</p></body></nitf></inlineXML>", "Un."),
        ("<inlineXML><nitf><body><body.content><p>Un<fn><p>note</p></fn></p><hl2>Titre</hl2></body.content></body></nitf>"
         "</inlineXML>", "Un\nnote\nTitre"),
        ('<inlineXML><html xmlns="http://www.w3.org/1999/xhtml"><head><title>T</title></head><body><ul><li>Un</li><li>Deux'
         "</li></ul><script>x</script></body></html></inlineXML>", "Un\nDeux"),
        ("<inlineXML><section><p>Un.</p></section></inlineXML><inlineXML><p>Un autre, plus long.</p></inlineXML>",
         "Un autre, plus long."),
        ("<inlineXML><p>Un.</p><p>Deux.</p></inlineXML>", "Un.\nDeux."),
        ("<inlineXML>Un texte nu.</inlineXML>", "Un texte nu."),
        ("<inlineXML/><inlineData>Ligne 1\n  Ligne   2</inlineData>", "Ligne 1\nLigne 2"),
        ('<inlineData contenttype="text/html; charset=utf-8">&lt;p&gt;Un.&lt;/p&gt;</inlineData>', "Un."),
        ('<inlineData contenttype="text/plain">2 &lt; 3 &amp; <![CDATA[<b>pas gras</b>]]></inlineData>',
         "2 < 3 & <b>pas gras</b>"),
    ],
)  # fmt: skip
def test_a_text_in_any_form_is_read_with_its_paragraphs(content: str, text: str) -> None:
    assert entry(item(content=f"<contentSet>{content}</contentSet>")).text == text


@pytest.mark.parametrize(
    "content",
    [
        '<inlineData encoding="encd:b64">QUJD</inlineData>',
        '<inlineData contenttype="application/json">{}</inlineData>',
        '<remoteContent href="https://agence.example/1.txt"/>',
    ],
)
def test_a_text_that_cannot_be_read_is_a_problem_not_an_empty_article(content: str) -> None:
    document = item(
        "<contentMeta><headline>Titre</headline></contentMeta>", content=f"<contentSet>{content}</contentSet>"
    )
    assert "form that is not read" in problem(document.encode()).reason


def test_a_description_stands_in_for_a_text_that_is_not_there() -> None:
    meta = "<contentMeta><headline>Titre</headline><description>En bref.</description></contentMeta>"
    found = entry(item(meta, content=""))
    assert (found.text, found.summary, found.has_body) == ("En bref.", None, False)
    with_text = entry(item(meta))
    assert (with_text.text, with_text.summary, with_text.has_body) == ("Un texte.", "En bref.", True)


def test_the_language_is_the_content_s_before_the_metadata_s() -> None:
    lang = 'xml:lang="en"'
    document = item('<contentMeta><language tag="fr-CA"/></contentMeta>').replace(" guid", f" {lang} guid", 1)
    assert entry(document).language == "fr"
    assert entry(item().replace(" guid", f" {lang} guid", 1)).language == "en"
    inside = '<contentSet><inlineData xml:lang="de">Ein Text.</inlineData></contentSet>'
    assert entry(item(content=inside).replace(" guid", f" {lang} guid", 1)).language == "de"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_the_declared_encoding_is_read(encoding: str) -> None:
    document = f'<?xml version="1.0" encoding="{encoding}"?>' + item(
        "<contentMeta><headline>Été</headline></contentMeta>"
    )
    (found,) = entries_of_newsml(document.encode(encoding), name="a.xml")
    assert isinstance(found, Entry)
    assert found.title == "Été"


def test_utf8_that_is_labelled_as_another_encoding_is_utf8() -> None:
    document = '<?xml version="1.0" encoding="windows-1252"?>' + item(
        "<contentMeta><headline>Été</headline></contentMeta>"
    )
    assert entry(document).title == "Été"


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))


@pytest.mark.parametrize(
    ("document", "why", "error_class"),
    [
        (b"", "not well-formed", "malformed"),
        (b"\x00\x01\x02", "not well-formed", "malformed"),
        (b"{}", "not well-formed", "malformed"),
        (item().encode()[:-5], "not well-formed", "malformed"),
        (item().encode() + b"<x/>", "not well-formed", "malformed"),
        (
            "<?xml version='1.0' encoding='utf-8'?><newsItem>é</newsItem>".encode("latin-1"),
            "not well-formed",
            "malformed",
        ),
        (b"<?xml version='1.0' encoding='nothing'?><newsItem>\xe9</newsItem>", "not well-formed", "malformed"),
        (b"<a>" * 300 + b"</a>" * 300, "not well-formed", "hostile"),
        (b"<!DOCTYPE newsItem>" + item().encode(), "document type", "hostile"),
        (b'<!DOCTYPE newsItem SYSTEM "http://127.0.0.1:1/x.dtd">' + item().encode(), "document type", "hostile"),
        (f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]>{item("&l8;")}'.encode(), "", "hostile"),
        (f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><newsItem guid="&l8;"/>'.encode(), "", "hostile"),
        (b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><newsItem guid='1'>&x;</newsItem>", "", "hostile"),
        (b"<rss/>", "root 'rss'", "invalid"),
        (b"<newsMessage/>", "without items", "invalid"),
        (b"<newsMessage><itemSet/></newsMessage>", "without items", "invalid"),
        (b"<packageItem/>", "a package of other items", "invalid"),
        (b"<conceptItem/>", "a concept", "invalid"),
        (b"<newsItem/>", "has no guid", "invalid"),
        (b"<newsItem guid='1'/>", "neither title nor text", "invalid"),
    ],
    ids=range(20),
)
def test_what_is_no_item_or_hostile_is_one_problem_that_says_why(document: bytes, why: str, error_class: str) -> None:
    found = problem(document)
    assert why in found.reason
    assert "root:" not in found.reason
    assert found.error_class == error_class


def test_an_undeclared_entity_is_a_problem() -> None:
    assert problem(item("<contentMeta><headline>&eacute;</headline></contentMeta>").encode()).error_class == "malformed"


def test_too_many_items_are_refused_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newsml_g2, "MAX_ITEMS", 3)
    message = f"<newsMessage {NAMESPACE}><itemSet>{{}}</itemSet></newsMessage>"
    assert "more than 3 items" in problem(message.format(item() * 4).encode()).reason
    assert len(list(entries_of_newsml(message.format(item() * 3).encode(), name="a.xml"))) == 3


def test_a_megabyte_of_paragraphs_is_read() -> None:
    content = (
        f"<contentSet><inlineXML><html><body>{'<p>Une phrase.</p>' * 60_000}</body></html></inlineXML></contentSet>"
    )
    assert entry(item(content=content)).text.count("\n") == 59_999


WORDS = [
    *("newsMessage", "itemSet", "newsItem", "itemMeta", "contentMeta", "contentSet", "inlineXML", "inlineData", "nitf"),
    *("body", "body.content", "p", "headline", "rightsInfo", "copyrightHolder", "embargoed", "pubStatus", "signal"),
]
GIVEN = ["", ' guid="1"', ' qcode="a:canceled"']
XML = st.recursive(
    st.text(alphabet="ab é<>&;\x00", max_size=4).map(lambda text: "".join(c for c in text if c not in "<>&\x00")),
    lambda inner: st.tuples(st.sampled_from(WORDS), st.sampled_from(GIVEN), inner, inner).map(
        lambda parts: f"<{parts[0]}{parts[1]}>{parts[2]}{parts[3]}</{parts[0]}>"
    ),
    max_leaves=30,
)


@given(XML | st.text(max_size=40))
def test_no_document_breaks_it(document: str) -> None:
    items = list(entries_of_newsml(document.encode("utf-8", "replace"), name="a.xml"))
    assert items
    assert all(isinstance(found, Entry | WireProblem) for found in items)


def test_names_are_not_read_as_paths(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text(item("<contentMeta><headline>Secret</headline></contentMeta>"))
    assert problem(str(secret).encode()).error_class == "malformed"
