import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.html_text import html_to_text, looks_like_html, strip_tags, text_of
from schemas.base import is_clean_text

PARAGRAPHS = (
    "<div>%s<p>Paris,&nbsp;<b>le</b> <i>12</i>\n mai<br>Bonjour</p><script>x</script><ul><li>a<li>b</ul>fin%s</div>"
)
READ = "Paris,\u00a0le 12 mai\nBonjour\na\nb\nfin"


def test_blocks_are_lines_and_white_space_is_one_space() -> None:
    assert html_to_text(PARAGRAPHS % ("", "")) == READ


def test_text_nested_deeper_than_any_tree_is_kept() -> None:
    assert html_to_text(PARAGRAPHS % ("<div>" * 300, "</div>" * 300)) == READ


@pytest.mark.parametrize(
    "hidden", ["<style>b{}</style>", "<!-- c -->", "<template>t</template>", "<svg><text>t</text></svg>"]
)
def test_what_no_reader_reads_is_left_out(hidden: str) -> None:
    assert html_to_text(f"<p>avant {hidden}après</p>") == "avant après"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("AT&T < IBM", "AT&T < IBM"),
        ("R&amp;D &eacute;t&eacute;", "R&D été"),
        ("  deux \t lignes\r\n\r\n ici ", "deux lignes\nici"),
        ("<p></p>", ""),
        ("", ""),
        (None, ""),
        ("a\x00b", "a b"),
        ("<p>\ud800</p>", "\ufffd"),
    ],
)
def test_a_field_that_may_be_html_or_not(value: str | None, text: str) -> None:
    assert text_of(value) == text


def test_plain_text_that_says_so_keeps_its_angle_brackets() -> None:
    assert text_of("a <b> c &amp; d", media_type="text/plain") == "a <b> c &amp; d"
    assert looks_like_html("a <b> c")


HOSTILE = [
    "<a ",
    "&lt;!--",
    "<!--",
    "<script>",
    "<div>",
    "</div>",
    "<",
    "&",
    "<p a='",
    "<![CDATA[",
    "<table><tr>",
    "\x00",
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("before", ["", "<div>" * 300])
def test_hostile_markup_ends_in_linear_time(piece: str, before: str) -> None:
    assert is_clean_text(text_of(before + piece * 100_000 + " fin"))


@given(st.text(alphabet=st.sampled_from("<>/!-&;# \n\tapdivbrscript\x00\ud800é'\"="), max_size=200))
def test_any_string_becomes_clean_text(value: str) -> None:
    for text in (text_of(value), html_to_text(value), strip_tags(value)):
        assert is_clean_text(text)
        assert "\n\n" not in text
        assert text == text.strip(" \n")
