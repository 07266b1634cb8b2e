import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.entry import Entry
from connectors.formats.files import (
    LineError,
    Parsed,
    ReadError,
    embargo_of_entry,
    entry_of_line,
    read_file,
    read_path,
)


def entries(path: Path) -> list[Entry]:
    return [item.entry for item in read_path(path) if isinstance(item, Parsed)]


def errors(path: Path) -> list[str]:
    return [str(item) for item in read_path(path) if isinstance(item, ReadError)]


def test_a_text_file_is_its_text_exactly(tmp_path: Path) -> None:
    text = "  Titre\r\n\r\nL’été à Bâle…  \n\n\tFin.\n"
    (tmp_path / "003_abc.txt").write_bytes(text.encode())
    (entry,) = entries(tmp_path / "003_abc.txt")
    assert entry.text == text
    assert entry.guid == "003_abc"
    assert entry.title == ""


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes("Élysée".encode(encoding))
    assert [entry.text for entry in entries(tmp_path / "a.txt")] == ["Élysée"]


def test_an_empty_file_is_an_empty_article(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    (tmp_path / "b.html").write_bytes(b"")
    assert [(entry.guid, entry.text) for entry in entries(tmp_path)] == [("a", ""), ("b", "")]


def test_decomposed_accents_are_composed_before_offsets_exist(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("e\u0301te\u0301".encode())
    assert [entry.text for entry in entries(tmp_path / "a.txt")] == ["été"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", "Élysée".encode("latin-1"), "a.txt: not UTF-8: byte 0xc9 at offset 0"),
        ("a.txt", b"\xff\xfe\x00", "a.txt: not UTF-16-LE"),
        ("a.html", b"<p>\x81\x8d</p>", "a.html: not UTF-8, nor cp1252"),
        ("a.html", b"<meta charset=utf-16><p>\xff\xe9\x00", "a.html: not utf-16"),
        ("a.html", b"<meta charset=hex><p>\xe9", "no text encoding"),
        ("a.pdf", b"%PDF", "can't read .pdf: use .htm, .html"),
        ("a", b"x", "a name without suffix"),
    ],
)
def test_what_cannot_be_read_is_one_error_that_says_why(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    (error,) = errors(tmp_path / name)
    assert reason in error


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    assert errors(tmp_path / "gone.txt") == ["gone.txt: No such file or directory"]


def test_a_folder_is_read_with_all_below_it_and_ids_by_path(tmp_path: Path) -> None:
    for name in ("b.txt", "2024/a.txt", ".hidden.txt", ".git/c.txt", "note.pdf"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    assert [entry.guid for entry in entries(tmp_path)] == ["2024/a", "b"]
    assert errors(tmp_path) == []


def test_a_page_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(
        """<!DOCTYPE html><html lang="fr-CA"><head><meta charset="windows-1252">
        <title>Grève au port | Le Courrier</title>
        <meta property="og:title" content="Grève au port"><meta name="author" content="Anne Durand">
        <meta property="article:published_time" content="2024-03-27T10:00:00+01:00">
        <meta name="description" content="Les dockers bloquent.">
        <link rel="canonical" href="https://courrier.example/a/1"></head>
        <body><nav>Accueil Monde</nav><article><h1>Grève au port</h1><p>Les dockers
        bloquent le <b>port</b>.</p><aside>Lire aussi</aside><p>Le préfet appelle au calme.</p></article>
        <footer>Mentions légales</footer></body></html>""".encode("cp1252")
    )
    (entry,) = entries(tmp_path / "page.html")
    assert entry.guid == "page"
    assert entry.title == "Grève au port"
    assert entry.text == "Grève au port\nLes dockers bloquent le port.\nLe préfet appelle au calme."
    assert entry.url == "https://courrier.example/a/1"
    assert entry.published_raw == "2024-03-27T10:00:00+01:00"
    assert entry.language == "fr"
    assert entry.authors == ("Anne Durand",)
    assert entry.summary == "Les dockers bloquent."


def test_lines_with_every_field(tmp_path: Path) -> None:
    line = {
        "id": "orange-1",
        "date": "2024-03-27",
        "title": "Titre",
        "text": "Texte.",
        "summary": "Bref.",
        "url": "https://x.example/a?utm_source=z",
        "language": "fr-FR",
        "source": "orange",
        "authors": ["A", "B"],
        "status": "corrected",
        "category": "monde",
    }
    entry = entry_of_line(json.dumps(line), origin="a:1")
    assert (entry.guid, entry.title, entry.text, entry.summary) == ("orange-1", "Titre", "Texte.", "Bref.")
    assert (entry.canonical_url, entry.language, entry.source_id) == ("https://x.example/a", "fr", "orange")
    assert (entry.authors, entry.status, entry.published_raw) == (("A", "B"), "corrected", "2024-03-27")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"id": 1' + "0" * 5000 + "}", "not JSON"),
        ('"text"', "must be a JSON object, not str"),
        ('{"text": "x"}', "needs an id"),
        ('{"id": "  ", "text": "x"}', "needs an id"),
        ('{"id": "1"}', "has no text"),
        ('{"id": "1", "text": 3}', "text must be a string, not int"),
        ('{"id": true, "text": "x"}', "id must be a string, not bool"),
        ('{"id": "1", "text": "x", "status": "deleted"}', "must be one of usable, corrected, killed"),
        ('{"id": "1", "text": "x", "authors": [1]}', "authors must be a list of strings"),
        ('{"id": "1", "text": "x", "source": "' + "s" * 300 + '"}', "source is longer"),
    ],
)
def test_a_bad_line_says_what_is_wrong(line: str, reason: str) -> None:
    with pytest.raises(LineError, match=reason):
        entry_of_line(line, origin="a:1")


def test_bad_lines_are_named_and_the_others_pass(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"id": 1, "text": "un"}\n\n{"id": 2}\n\xff\n{"id": "3", "text": "lone \\ud83d surrogate"}\r\n'
        b'{"id": "4", "text": "", "status": "killed"}'
    )
    assert [(entry.guid, entry.text) for entry in entries(path)] == [
        ("1", "un"),
        ("3", "lone \ufffd surrogate"),
        ("4", ""),
    ]
    assert errors(path) == ["a.jsonl:3: has no text", "a.jsonl:4: not UTF-8: byte 0xff at column 0"]


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"id": {n}, "text": "texte é {n}"}}\n' for n in range(10)), encoding="utf-8")
    whole = list(read_file(path))
    for place, item in enumerate(whole):
        assert list(read_file(path, start=item.end, line=item.line)) == whole[place + 1 :]


def test_a_large_text_passes_and_a_larger_one_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big.txt"
    path.write_bytes("é".encode() * (10 * 1024 * 1024))
    assert [len(entry.text) for entry in entries(path)] == [10 * 1024 * 1024]
    monkeypatch.setattr("connectors.formats.files.MAX_DOCUMENT_BYTES", 1000)
    assert errors(path) == ["big.txt: larger than 1000 bytes"]


def test_a_line_without_end_is_passed_over_in_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.formats.files.MAX_DOCUMENT_BYTES", 1000)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": 1, "text": "a"}\n' + b"x" * 3_000_000 + b'\n{"id": 2, "text": "b"}\n')
    assert [entry.guid for entry in entries(path)] == ["1", "2"]
    assert errors(path) == ["a.jsonl:2: line of 3000001 bytes, more than 1000"]


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.txt"
    try:
        path.write_text("x")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes only UTF-8 names")
    assert [entry.text for entry in entries(tmp_path)] == ["x"]


def test_wire_files_are_read_by_their_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.JSON").write_bytes(
        "\ufeff".encode() + '[{"uri": "urn:x:1", "title": "Été"}, {"uri": "urn:x:2"}]'.encode()
    )
    (tmp_path / "b.xml").write_text(
        '<newsItem guid="urn:x:3"><contentMeta><headline>T</headline></contentMeta></newsItem>'
    )
    assert [(entry.guid, entry.origin) for entry in entries(tmp_path)] == [
        ("urn:x:1", "a.JSON:1"),
        ("urn:x:3", "b.xml"),
    ]
    assert errors(tmp_path) == ["a.JSON:2: has neither title nor text"]


def test_a_wire_file_that_is_no_text_or_too_large_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_bytes('{"uri": "é"}'.encode("latin-1"))
    assert errors(path) == ["a.json: not UTF-8: byte 0xe9 at offset 9 (invalid continuation byte)"]
    monkeypatch.setattr("connectors.formats.files.MAX_DOCUMENT_BYTES", 5)
    assert errors(path) == ["a.json: larger than 5 bytes"]


def test_an_item_of_ninjs_in_a_file_of_lines_is_told_where_it_belongs() -> None:
    with pytest.raises(LineError, match=r"items of ninjs, which have a uri, are read from \.json files"):
        entry_of_line('{"uri": "urn:x:1", "bodies": []}', origin="a:1")


def test_an_embargo_holds_until_its_moment() -> None:
    end = datetime(2026, 3, 1, 12, tzinfo=UTC)
    held = Entry(origin="a", embargoed=end)
    assert embargo_of_entry(held, end - timedelta(microseconds=1)) == (
        "under embargo until 2026-03-01T12:00:00Z: not published before"
    )
    assert embargo_of_entry(held, end) is None
    assert embargo_of_entry(Entry(origin="a"), end) is None
