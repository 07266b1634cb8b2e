"""Pages that are no page, in odd encodings, hostile; what they declare; lines that are not the article's."""

import codecs
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.html_text import parse_html
from connectors.pages.boilerplate import is_boilerplate, without_boilerplate
from connectors.pages.declared import Declared, declared_by
from connectors.pages.extraction import read_page
from connectors.pages.markers import boilerplate_rules, load, walls
from connectors.pages.reading import PageReading
from connectors.pages.walls import is_front_page
from schemas.base import is_clean_text

URL = "https://journal.example/a/1"
PARAGRAPHS = (
    "Le conseil municipal de Brumelle a voté lundi la fermeture de la piscine, dont le toit menace de s’effondrer.",
    "Les travaux, estimés à quatre millions d’euros, ne commenceront pas avant l’été. L’opposition a quitté la salle.",
    "Une association de parents a annoncé qu’elle saisirait le préfet dès mardi pour obtenir l’ouverture d’un bassin.",
)


def html(*, head: str = "", body: str | None = None, lang: str = "fr") -> str:
    paragraphs = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
    text = f"<main><article><h1>La piscine ferme</h1>{paragraphs}</article></main>" if body is None else body
    head = f"<head><title>La piscine ferme</title>{head}</head>"
    return f'<!DOCTYPE html><html lang="{lang}">{head}<body>{text}</body></html>'


def read(page: str | bytes, *, url: str = URL, content_type: str | None = "text/html", **headers: str) -> PageReading:
    body = page.encode() if isinstance(page, str) else page
    return read_page(
        body, url=url, content_type=content_type, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def declared(head: str, *, body: str = "<p>x</p>") -> Declared:
    root = parse_html(html(head=head, body=body))
    assert root is not None
    return declared_by(root, url=URL)


def json_ld(*nodes: object) -> str:
    return "".join(f'<script type="application/ld+json">{json.dumps(node)}</script>' for node in nodes)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "text/html"),
        (b"   \n", None),
        (b"%PDF-1.7\n...", "text/html"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "text/html"),
        (b"\x00" * 5_000, None),
        (b'{"title": "x"}', "application/json"),
        (b"<html>", "image/jpeg"),
        (b"<div>" * 50_000, "text/html"),
        (b"<!-- " * 50_000, "text/html"),
        (b"\xff\xfe", "text/html"),
        (b"<p>" + b"\xff" * 3_000, "text/html; charset=utf-8"),
    ],
)
def test_what_is_no_page_is_no_article(body: bytes, content_type: str | None) -> None:
    reading = read(body, content_type=content_type)
    assert reading.kind == "no_article"
    assert reading.text == ""
    assert reading.why


@pytest.mark.parametrize(
    ("encoding", "head", "content_type"),
    [
        ("utf-8", "", None),
        ("utf-8", '<meta charset="iso-8859-1">', "text/html; charset=windows-1252"),
        ("cp1252", '<meta charset="iso-8859-1">', "text/html"),
        ("cp1252", "", "text/html; charset=ISO-8859-1"),
        ("cp1252", "", "text/html"),
        ("cp1252", "", "text/html; charset=no-such-thing"),
        ("utf-16", "", "text/html"),
        ("utf-8-sig", "", "text/html; charset=iso-8859-1"),
        ("cp1250", "", "text/html; charset=windows-1250"),
    ],
)
def test_the_encoding_is_decided_by_bom_validity_declaration_and_header(
    encoding: str, head: str, content_type: str | None
) -> None:
    if content_type == "text/html; charset=no-such-thing":
        page = html(head=head).encode("utf-8")
    else:
        text = html(head=head).replace("’", "'") if encoding == "cp1250" else html(head=head)
        page = text.replace("œ", "oe").encode(encoding, errors="xmlcharrefreplace")
    reading = read(page, content_type=content_type)
    assert reading.kind == "article", reading.why
    assert reading.text.replace("'", "’").split("\n") == list(PARAGRAPHS)


def test_bytes_that_can_t_be_decoded_cost_the_article_only_where_they_are_in_it() -> None:
    fine = html(body=None).encode().replace(b"<body>", b'<body><div data-x="\xff\xfe"></div>')
    assert read(fine).text.split("\n") == list(PARAGRAPHS)
    assert read(fine, content_type="text/html; charset=utf-8").text.split("\n") == list(PARAGRAPHS)
    broken = html().encode().replace(b"municipal", b"munic\xfepal")
    reading = read(broken)
    assert (reading.kind, reading.why) == ("no_article", "its text can't be decoded without loss")


def test_utf_16_has_no_room_for_nul_bytes_to_mean_binary() -> None:
    assert read(codecs.BOM_UTF16_BE + html().encode("utf-16-be")).kind == "article"


def test_opt_outs_come_from_headers_and_metas() -> None:
    page = html(
        head='<meta name="robots" content="noai, max-image-preview:large"><meta name="googlebot" content="noindex">'
    )
    reading = read(page, x_robots_tag="noarchive", tdm_reservation="1")
    assert reading.opt_outs == ("noarchive", "noai", "tdm-reservation")
    assert read(html(head='<meta name="tdm-reservation" content="0">'), tdm_reservation="1").opt_outs == ()
    assert read(html(head='<meta name="TDM-Reservation" content="1">')).opt_outs == ("tdm-reservation",)
    assert read(html()).opt_outs == ()


def test_metadata_are_those_declared_and_no_date_is_found_in_the_text() -> None:
    reading = read(
        html(body="<article><h1>t</h1><p>Publié le 3 mars 2026 par Jean Petit</p>" + "<p>mot</p>" * 9 + "</article>")
    )
    assert (reading.published_raw, reading.authors) == (None, ())
    found = declared(
        json_ld({"@type": "NewsArticle", "headline": "A &amp; B", "datePublished": "2026-03-01", "author": "Ada"})
        + '<meta property="article:published_time" content="2026-03-02"><link rel="canonical" href="/a/1?x=1">'
    )
    assert (found.title, found.published_raw, found.authors) == ("A & B", "2026-03-01", ("Ada",))
    assert found.canonical_url == "https://journal.example/a/1?x=1"


@pytest.mark.parametrize(
    ("node", "authors"),
    [
        ({"author": [{"name": "Ada"}, {"@type": "Person", "name": "Bo  Li"}]}, ("Ada", "Bo Li")),
        ({"author": ["Ada", "Ada"]}, ("Ada",)),
        ({"author": {"@id": "https://journal.example/ada"}}, ()),
        ({"author": 7}, ()),
        ({"author": None}, ()),
        ({"author": [[[]]]}, ()),
    ],
)
def test_authors_are_names_whatever_shape_they_have(node: dict[str, object], authors: tuple[str, ...]) -> None:
    assert declared(json_ld({"@type": "Article", **node})).authors == authors


def test_an_author_that_is_an_address_is_none() -> None:
    assert declared('<meta property="article:author" content="https://social.example/journal">').authors == ()
    assert declared('<meta name="author" content="Ada Petit">').authors == ("Ada Petit",)


def test_json_ld_that_is_broken_or_of_others_is_passed_over() -> None:
    broken = '<script type="application/ld+json">{"@type": "NewsArticle", </script>'
    commented = '<script type="application/ld+json"><!-- {"@type": "NewsArticle", "headline": "H"} --></script>'
    assert declared(broken).is_article is False
    assert declared(broken + commented).title == "H"
    assert declared('<script type="application/ld+json">' + "[" * 100_000 + "</script>").is_article is False
    ours = {"@type": "NewsArticle", "url": URL, "headline": "Le nôtre", "isAccessibleForFree": True}
    other = {"@type": "NewsArticle", "url": URL + "2", "headline": "Un autre", "isAccessibleForFree": False}
    assert (declared(json_ld(other, ours)).title, declared(json_ld(other, ours)).is_free) == ("Le nôtre", True)
    assert declared(json_ld([other, {**other, "headline": "Encore un autre"}])).is_list


@pytest.mark.parametrize("value", [False, "False", "false", "https://schema.org/False", "http://schema.org/false"])
def test_not_free_has_many_spellings(value: object) -> None:
    page = html(head=json_ld({"@type": "NewsArticle", "isAccessibleForFree": value}))
    assert read(page).kind == "paywall"


def test_a_walled_part_is_left_out_and_an_unread_selector_changes_no_kind() -> None:
    node = {"@type": "NewsArticle", "isAccessibleForFree": False, "hasPart": {"isAccessibleForFree": False}}
    part = "".join(f'<p class="rest{number}">{PARAGRAPHS[2]} {PARAGRAPHS[2]}</p>' for number in range(3))
    body = f"<article><h1>t</h1><p>{PARAGRAPHS[0]} {PARAGRAPHS[1]}</p><div id='paid'>{part}</div></article>"
    for selector, leaks in (("#paid", False), ("div#paid, .x", False), ("div > [data-x]", True)):
        node["hasPart"] = [{"isAccessibleForFree": "False", "cssSelector": selector}]
        reading = read(html(head=json_ld(node), body=body))
        assert reading.kind == "paywall"
        assert ("association de parents" in reading.text) is leaks


@pytest.mark.parametrize(
    "promotion",
    [
        "Inscrivez-vous pour découvrir nos newsletters",
        "Abonnez-vous pour soutenir une presse libre",
        "Subscribe to our newsletter",
        "Sign up to get our daily briefing",
        "Déjà abonné ? Connectez-vous",
        "La suite est à lire dans le rapport.",
    ],
)
def test_a_call_to_subscribe_beside_a_whole_article_is_no_paywall(promotion: str) -> None:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in (PARAGRAPHS[0], promotion, *PARAGRAPHS[1:]))
    assert read(html(body=f"<main><article><h1>t</h1>{body}</article></main>")).kind == "article"


@pytest.mark.parametrize(
    "sentence",
    [
        "Il vous reste 80 % de cet article à lire.",
        "Il vous reste 64.12% de cet article à lire. La suite est réservée aux abonnés.",
        "La suite de cet article est réservée à nos abonnés",
        "Article réservé aux abonnés",
        "Pour lire la suite de cet article, abonnez-vous",
        "Abonnez-vous pour lire la suite",
        "Cet article est réservé aux abonnés.",
        "Subscribe to continue reading",
        "To continue reading this article, please subscribe",
        "This article is for subscribers only",
        "You've reached your free article limit",
        "Sign in to read the full article",
        "Il vous reste 85% à découvrir.",
        "Cet article est réservé aux abonné·es",
        "Débloquez l’article pour 1 €",
        "This post is for paid subscribers",
        "Create a free account or log in to keep reading",
    ],
)
def test_what_paywalls_say_is_told_and_cut(sentence: str) -> None:
    body = f"<p>{PARAGRAPHS[0]} {PARAGRAPHS[1]}</p><div><p>{sentence}</p></div><p>{PARAGRAPHS[2]}</p>"
    reading = read(html(body=f"<main><article><h1>t</h1>{body}</article></main>"))
    assert reading.kind == "paywall"
    assert PARAGRAPHS[2] not in reading.text
    assert sentence not in reading.text


def test_an_element_with_a_name_that_is_none_makes_nothing_fail() -> None:
    assert read("<l<template>>\nA short text.").kind == "no_article"
    assert read(html().replace("<article>", "<l<template>").replace("</article>", "")).text.split("\n") == list(
        PARAGRAPHS
    )


def test_a_brief_that_speaks_of_robots_and_errors_is_an_article() -> None:
    brief = (
        "La police a signalé une activité suspecte près du port de Valmorin ; un robot démineur a été envoyé sur place."
    )
    page = html(
        head='<meta property="og:type" content="article">',
        body=f"<article><h1>Accès refusé</h1><p>{brief}</p></article>",
    )
    assert read(page).text == brief


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("404", "no_article"),
        ("404 : page perdue", "no_article"),
        ("Le Courrier | 404", "no_article"),
        ("Perdu ? (404)", "no_article"),
        ("404 error", "no_article"),
        ("Erreur 404", "no_article"),
        ("HTTP 503", "no_article"),
        ("Dengue : 404 nouveaux cas en une semaine", "article"),
        ("404 communes privées d’eau", "article"),
        ("La Peugeot 404", "article"),
        ("Le cap des 1 404 logements est franchi", "article"),
    ],
)
def test_a_number_in_a_headline_makes_no_error_page(title: str, kind: str) -> None:
    assert read(html().replace("La piscine ferme", title)).kind == kind


@pytest.mark.parametrize(
    ("url", "front"),
    [
        ("https://journal.example/", True),
        ("https://journal.example", True),
        ("https://journal.example/fr/", True),
        ("https://journal.example/index.html", True),
        ("https://journal.example/?p=123", False),
        ("https://journal.example/actu", False),
        ("https://journal.example/2026/03/titre", False),
    ],
)
def test_a_front_page_is_no_article(url: str, front: bool) -> None:
    assert is_front_page(url) is front
    assert (read(html(), url=url).kind == "no_article") is front


@pytest.mark.parametrize(
    "line",
    [
        "Lire aussi : Les ports à l’arrêt",
        "À lire aussi Les ports à l’arrêt",
        "» Lire aussi - Les ports à l’arrêt",
        "À LIRE ÉGALEMENT",
        "VOIR AUSSI - Les images du port",
        "Read more: Ports at a standstill",
        "READ ALSO: Ports at a standstill",
        "Related articles",
        "Partager sur Facebook",
        "Partager",
        "Share this article",
        "Facebook, WhatsApp, X",
        "Newsletter",
        "Abonnez-vous à notre newsletter quotidienne",
        "Recevez chaque matin l’essentiel de l’actualité par e-mail",
        "Sign up to our daily newsletter",
        "Advertisement",
        "La suite après la publicité",
        "Lecture 3 min.",
        "5 min read",
        "© Hervé Petit / AFP",
        "Crédit photo : H. Petit",
        "skip past newsletter promotion",
        "Pour afficher ce contenu, vous devez accepter les cookies de ce service.",
        "Suivez-nous sur Instagram",
        "Copyright 2026 Le Courrier",
    ],
)
def test_lines_that_are_not_the_article_s_go(line: str) -> None:
    assert is_boilerplate(line)


@pytest.mark.parametrize(
    "line",
    [
        "Lire reste un plaisir, selon sept Français sur dix interrogés par la fondation.",
        "« Partagez vos terres », a lancé le ministre aux propriétaires réunis à Nevers.",
        "Related charges against the mayor were dropped on Friday.",
        "Share prices fell in Lagos after the announcement.",
        "Abonnés et salariés ont manifesté ensemble devant le siège du journal.",
        "Newsletters and pamphlets were seized by the police during the raid on Tuesday night, the court was told.",
        "Voir le préfet céder a surpris jusqu’à ses adjoints.",
        "Watch groups said the vote was fair.",
        "The minister said cookies had been sold to fund the party.",
        "Recommended sentences were doubled by the court.",
        "Publicité mensongère : trois condamnations à Lyon",
        "X a été condamnée à Berlin.",
        "",
    ],
)
def test_sentences_that_begin_the_same_way_stay(line: str) -> None:
    assert not is_boilerplate(line)


def test_what_stands_below_an_article_ends_it_and_only_there() -> None:
    lines = [*PARAGRAPHS, "Sur le même sujet", "Une piscine neuve à Nevers", "La natation en crise"]
    assert without_boilerplate("\n".join(lines)).split("\n") == list(PARAGRAPHS)
    early = ["Tags : piscine", *PARAGRAPHS]
    assert without_boilerplate("\n".join(early)).split("\n")[-3:] == list(PARAGRAPHS)


def test_the_headline_and_repeated_lines_go() -> None:
    text = "La piscine ferme\nUn.\nUn.\nDeux.\nUn."
    assert without_boilerplate(text, titles=["LA PISCINE FERME"]) == "Un.\nDeux.\nUn."


def test_every_pattern_of_the_data_files_compiles_and_matches_nothing_empty() -> None:
    for rule in boilerplate_rules():
        assert not rule.line.fullmatch("")
        assert rule.most > 0
    for pattern in (walls().paywall, walls().consent, walls().blocks, walls().check, walls().check_titles):
        assert not pattern.search("")
        assert not pattern.search(
            "le préfet a reçu les deux parties samedi ; the mayor said on monday that he would resign"
        )
    assert all(phrase == phrase.casefold() for phrase in load("walls")["consent"]["boxes"])


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400), st.text(st.characters(codec="utf-8"), max_size=60))
def test_no_page_makes_the_reading_fail_or_unclean(body: str, head: str) -> None:
    page = html(head=head, body=f"<article><p>{body}</p>{''.join(f'<p>{p}</p>' for p in PARAGRAPHS)}</article>")
    for source in (page.encode("utf-8", errors="surrogatepass"), body.encode("utf-8", errors="surrogatepass")):
        reading = read(source)
        for text in (reading.title, reading.text, reading.description, *reading.authors):
            assert is_clean_text(text)
        assert reading.text == "" or reading.kind in {"article", "paywall"}
