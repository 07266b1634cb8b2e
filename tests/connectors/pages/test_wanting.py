"""Which entries are followed to their pages."""

from dataclasses import replace

import pytest

from connectors.entry import Entry
from connectors.pages.wanting import SHORT_BODY_CHARACTERS, ends_like_a_teaser, leads_to_a_page, wants_page
from tests.connectors.making import entry

URL = "https://journal.example/a/1"
BODY = "Le conseil a voté. " * 60


def whole() -> Entry:
    return entry(url=URL, text=BODY)


def test_an_entry_with_its_whole_body_wants_no_page() -> None:
    assert not wants_page(whole())


def test_a_summary_a_short_body_and_a_title_alone_want_one() -> None:
    assert wants_page(replace(whole(), has_body=False))
    assert wants_page(replace(whole(), text="x" * (SHORT_BODY_CHARACTERS - 1)))
    assert not wants_page(replace(whole(), text="x" * SHORT_BODY_CHARACTERS))
    assert wants_page(replace(whole(), text="", has_body=False))


def test_a_killed_or_corrected_entry_never_waits() -> None:
    assert not wants_page(replace(whole(), text="", status="killed"))
    assert not wants_page(replace(whole(), has_body=False, status="corrected"))


def test_without_a_page_to_go_to_none_is_wanted() -> None:
    assert not wants_page(replace(whole(), url=None, has_body=False))
    assert not wants_page(replace(whole(), url="https://journal.example/rapport.PDF", has_body=False))
    assert not wants_page(replace(whole(), has_body=False), full_text=False)


@pytest.mark.parametrize(
    "ending",
    [
        "et le ministre …",
        "et le ministre...",
        "et le ministre […]",
        "et le ministre [...]",
        "et le ministre (...)",
        "et le ministre. Lire la suite",
        "et le ministre.\nLire la suite →",
        "et le ministre. LIRE LA SUITE »",
        "et le ministre. Lire l’article complet.",
        "said the minister. Read more",
        "said the minister.\n\nContinue reading →",
        "Read more...",
        "…",
    ],
)
def test_teasers_are_told_by_their_end(ending: str) -> None:
    assert ends_like_a_teaser(ending)
    assert wants_page(replace(whole(), text=BODY + ending))


@pytest.mark.parametrize(
    "ending",
    [
        "",
        " ",
        "et le ministre est parti.",
        "Il faut lire la suite du rapport.",
        "She has read more books.",
        "la bread more",
    ],
)
def test_whole_texts_are_not_taken_for_teasers(ending: str) -> None:
    assert not ends_like_a_teaser(ending)


def test_addresses_of_recordings_and_files_lead_to_no_page() -> None:
    assert leads_to_a_page("https://journal.example/a.html?x=1.mp3")
    assert leads_to_a_page("https://journal.example/")
    assert not leads_to_a_page("https://journal.example/a.mp3?source=rss")
    assert not leads_to_a_page(None)
