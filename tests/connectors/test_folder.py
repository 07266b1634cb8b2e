import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.folder import FolderSource, FoundFile, is_settled, scan
from connectors.formats.files import Parsed, ReadError, read_file
from connectors.records import StateChange
from connectors.source import Batch
from connectors.state import State
from schemas.article import Article, Rights, Source

SOURCE = Source(id="drop")


class Drop:
    """A drop folder with its source and a clock that the test turns."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "drop"
        self.folder.mkdir(exist_ok=True)
        self.path = tmp_path / "state.sqlite"
        self.now = datetime.now(UTC) + timedelta(minutes=1)  # whatever the test writes is old by then
        self.start()

    def start(self) -> None:
        self.state = State(self.path)
        self.source = FolderSource(self.folder, self.state, source=SOURCE, interval=timedelta(seconds=2))

    def restart(self) -> None:
        self.state.close()
        self.start()

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def batch(self, *, commit: bool = True) -> Batch:
        self.now += timedelta(seconds=2)
        batch = self.source.next_batch(self.now)
        if commit:
            self.state.commit(batch.commit)
        return batch

    def all(self) -> tuple[list[Article], list[str]]:
        """Turn until two scans in a row bring nothing."""
        articles: list[Article] = []
        errors: list[str] = []
        idle = 0
        while idle < 3:
            batch = self.batch()
            articles += batch.articles
            errors += map(str, batch.errors)
            idle = 0 if batch.articles or batch.errors or batch.commit else idle + 1
        return articles, errors


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path)


def ids(articles: list[Article]) -> list[str | None]:
    return [article.identity.guid for article in articles]


def test_files_become_articles_once(drop: Drop) -> None:
    drop.write("a.txt", "Un texte.")
    drop.write("sub/b.html", "<p>Une page.</p>")
    drop.write("c.jsonl", '{"id": "l1", "text": "Une ligne."}\n{"id": "l2", "text": "Une autre.", "source": "afp"}\n')
    articles, errors = drop.all()
    assert ids(articles) == ["a", "l1", "l2", "sub/b"]
    assert [article.source.id for article in articles] == ["drop", "drop", "afp", "drop"]
    assert errors == []
    assert drop.all() == ([], [])
    drop.restart()
    assert drop.all() == ([], [])


def test_the_same_file_written_again_changes_nothing_and_another_content_is_a_version(drop: Drop) -> None:
    path = drop.write("a.txt", "Un texte.")
    (first,), _ = drop.all()
    path.unlink()
    drop.all()
    drop.write("a.txt", "Un texte.")
    os.utime(path, ns=(1, 1))
    assert drop.all() == ([], [])
    drop.write("a.txt", "Un texte corrigé.")
    (second,), _ = drop.all()
    assert second.article_id == first.article_id
    assert second.revision > first.revision


def test_a_killed_line_withdraws(drop: Drop) -> None:
    drop.write("a.jsonl", '{"id": "1", "text": "Faux."}\n{"id": "1", "status": "killed"}\n')
    articles, _ = drop.all()
    assert [article.status for article in articles] == ["usable", "killed"]
    assert articles[1].revision > articles[0].revision


def test_a_file_that_grows_is_not_read_yet(drop: Drop) -> None:
    path = drop.write("a.txt", "Début")
    for number in range(4):
        assert drop.batch().articles == ()
        with path.open("a") as file:
            file.write(f" et suite {number}")
    articles, _ = drop.all()
    assert [article.text for article in articles] == ["Début et suite 0 et suite 1 et suite 2 et suite 3"]


def test_a_file_written_just_now_is_not_read_yet(drop: Drop) -> None:
    path = drop.write("a.txt", "Début")
    found, _ = scan(drop.folder)
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    assert not is_settled(found["a.txt"], found, changed + timedelta(milliseconds=300))
    assert is_settled(found["a.txt"], found, changed + timedelta(seconds=2))
    assert is_settled(found["a.txt"], found, changed - timedelta(days=1))
    assert not is_settled(found["a.txt"], {}, changed + timedelta(seconds=2))


@pytest.mark.parametrize("name", ["a.txt.part", "a.tmp", ".a.txt", "a~", "b.CRDOWNLOAD", ".git/a.txt", "in.part/a.txt"])
def test_files_being_written_and_hidden_ones_are_passed_over(drop: Drop, name: str) -> None:
    drop.write(name, "x")
    assert drop.all() == ([], [])


def test_what_cannot_be_read_is_told_once_stays_and_is_tried_again_when_it_changes(drop: Drop) -> None:
    latin = drop.write("latin.txt", "Élysée".encode("latin-1"))
    drop.write("photo.jpg", b"\xff\xd8")
    drop.write("ok.txt", "Bien.")
    articles, errors = drop.all()
    assert ids(articles) == ["ok"]
    assert len(errors) == 2
    assert "latin.txt: not UTF-8: byte 0xc9" in errors[0]
    assert "photo.jpg: can't read .jpg" in errors[1]
    drop.restart()
    assert drop.all() == ([], [])
    assert latin.exists()
    drop.write("latin.txt", "Élysée, cette fois en UTF-8")
    articles, errors = drop.all()
    assert ids(articles) == ["latin"]
    assert errors == []


def test_a_file_that_may_not_be_opened_is_tried_until_it_may(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drop.write("a.txt", "Bien.")
    opening: Callable[..., Any] = Path.open
    shut = True

    def refuse(self: Path, *arguments: object, **named: object) -> object:
        if shut and self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return opening(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    errors: list[str] = []
    for _ in range(6):
        errors += map(str, drop.batch().errors)
    assert errors == [f"{path}: Permission denied"]
    shut = False
    articles, errors = drop.all()
    assert ids(articles) == ["a"]
    assert errors == []


def test_a_long_file_is_read_in_parts_and_goes_on_after_a_kill(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.folder.MAX_BATCH_ENTRIES", 7)
    lines = [f'{{"id": "{n}", "text": "Texte {n}."}}' if n % 10 else "not json" for n in range(1, 101)]
    drop.write("a.jsonl", "\n".join(lines))
    seen: list[str | None] = []
    errors: list[str] = []
    uncommitted = 0
    while len(seen) < 90:
        lost = drop.batch(commit=False)  # handed out, and the process killed before the commit
        uncommitted += bool(lost.articles)
        drop.restart()
        drop.batch()
        batch = drop.batch()
        assert len(batch.articles) <= 7
        seen += ids(list(batch.articles))
        errors += map(str, batch.errors)
    assert seen == [str(n) for n in range(1, 101) if n % 10]
    assert len(errors) == 10
    assert "a.jsonl:10: not JSON" in errors[0]
    assert drop.all() == ([], [])


def test_what_was_not_committed_is_handed_out_again(drop: Drop) -> None:
    drop.write("a.txt", "Un.")
    drop.batch()
    assert ids(list(drop.batch(commit=False).articles)) == ["a"]
    articles, _ = drop.all()
    assert ids(articles) == ["a"]


def test_a_link_out_of_the_folder_is_not_followed(drop: Drop, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (drop.folder / "link.txt").symlink_to(secret)
    (drop.folder / "gone.txt").symlink_to(tmp_path / "nothing")
    inside = drop.write("a.txt", "Un.")
    (drop.folder / "b.txt").symlink_to(inside)
    assert ids(drop.all()[0]) == ["a", "b"]


def test_a_named_pipe_is_not_waited_for(drop: Drop) -> None:
    os.mkfifo(drop.folder / "pipe.txt")
    assert drop.all() == ([], [])


def test_the_folder_is_made_where_it_is_missing(tmp_path: Path) -> None:
    drop = Drop(tmp_path)
    drop.folder.rmdir()
    assert drop.all() == ([], [])
    assert drop.folder.is_dir()


def test_a_source_wakes_at_once_while_files_wait(drop: Drop) -> None:
    drop.batch()
    assert drop.source.next_awake() == drop.now + timedelta(seconds=2)
    drop.write("a.txt", "Un.")
    drop.batch()
    wake = drop.source.next_awake()
    assert wake is not None
    assert wake < drop.now + timedelta(seconds=2)
    assert drop.batch().commit != StateChange()


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX alone")
def test_names_that_are_not_utf8_are_articles_of_their_own_and_hold_nobody_up(drop: Drop) -> None:
    for name, text in ((b"\xe9t\xe9.txt", b"Un."), (b"\xe8t\xe8.txt", b"Deux.")):
        try:
            (drop.folder / os.fsdecode(name)).write_bytes(text)
        except OSError:
            pytest.skip("this file system takes UTF-8 names only")
    drop.write("z.txt", "Trois.")
    articles, errors = drop.all()
    assert errors == []
    assert len(set(ids(articles))) == 3
    assert {article.text for article in articles} == {"Un.", "Deux.", "Trois."}
    drop.restart()
    assert drop.all() == ([], [])


def test_a_time_that_no_calendar_holds_is_a_time_like_any_other() -> None:
    for time in (10**30, -(10**30)):
        found = FoundFile("a.txt", 1, time)
        assert is_settled(found, {"a.txt": found}, datetime.now(UTC))


def test_a_long_file_replaced_while_it_is_read_is_read_anew_without_cutting_a_line(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.folder.MAX_BATCH_ENTRIES", 2)
    path = drop.write("a.jsonl", "".join(f'{{"id": "{n}", "text": "Ancien {n}."}}\n' for n in range(6)))
    assert drop.batch().articles == ()
    assert ids(list(drop.batch().articles)) == ["0", "1"]
    path.write_text("".join(f'{{"id": "n{n}", "text": "Un nouveau texte, plus long, {n}."}}\n' for n in range(6)))
    articles, errors = drop.all()
    assert errors == []
    assert ids(articles) == [f"n{n}" for n in range(6)]


def test_a_file_that_trips_a_bug_does_not_keep_those_behind_it_waiting(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop.write("a.txt", "Un.")
    drop.write("b.txt", "Deux.")
    real = read_file

    def read(path: Path, *, name: str, start: int = 0, line: int = 0) -> Iterator[Parsed | ReadError]:
        if path.name == "a.txt":
            msg = "a bug"
            raise RuntimeError(msg)
        return real(path, name=name, start=start, line=line)

    monkeypatch.setattr("connectors.folder.read_file", read)
    drop.batch()
    with pytest.raises(RuntimeError):
        drop.batch()
    assert ids(list(drop.batch().articles)) == ["b"]


def test_a_folder_that_cannot_be_is_told_once_and_watched_again_when_it_can(drop: Drop) -> None:
    drop.folder.rmdir()
    drop.folder.write_text("a file in its place")
    _, errors = drop.all()
    assert errors == [f"{drop.folder}: can't be made: File exists"]
    drop.folder.unlink()
    drop.folder.mkdir()
    drop.write("a.txt", "Un.")
    articles, errors = drop.all()
    assert (ids(articles), errors) == (["a"], [])


def item(
    number: int, text: str = "Un texte.", *, embargoed: datetime | None = None, **fields: object
) -> dict[str, object]:
    held = {} if embargoed is None else {"embargoed": embargoed.isoformat()}
    return {"uri": f"urn:newsml:agence.example:{number}", "bodies": [{"value": text}], **held, **fields}


def test_wire_files_are_read_with_their_versions_rights_and_sources(drop: Drop) -> None:
    drop.write("a.json", json.dumps([item(1, version="2", copyrightholder="Agence"), {"uri": "urn:x"}]))
    drop.write(
        "b.xml",
        '<newsItem guid="urn:newsml:agence.example:2" version="3"><contentMeta><headline>Titre</headline></contentMeta>'
        "<contentSet><inlineData>Le texte.</inlineData></contentSet></newsItem>",
    )
    articles, errors = drop.all()
    assert ids(articles) == ["urn:newsml:agence.example:1", "urn:newsml:agence.example:2"]
    assert [article.publisher_version for article in articles] == [2, 3]
    assert {article.source.id for article in articles} == {"agence.example"}
    assert articles[0].rights == Rights(holder="Agence")
    assert errors == [f"{drop.folder}/a.json:2: has neither title nor text"]
    drop.restart()
    assert drop.all() == ([], [])


def test_a_kill_notice_withdraws_what_another_file_brought(drop: Drop) -> None:
    drop.write("a.json", json.dumps(item(1, version="1", copyrightholder="Agence")))
    drop.all()
    drop.write("kill.json", json.dumps({"uri": "urn:newsml:agence.example:1", "version": "2", "pubstatus": "canceled"}))
    (killed,), errors = drop.all()
    assert (killed.status, killed.text, errors) == ("killed", "", [])


def test_an_item_under_embargo_is_published_when_it_ends_and_its_neighbours_at_once(drop: Drop) -> None:
    end = (drop.now + timedelta(hours=2)).replace(microsecond=0)
    drop.write("a.json", json.dumps([item(1), item(2, "Secret.", embargoed=end), {"uri": "urn:x"}, item(3)]))
    articles, errors = drop.all()
    assert ids(articles) == [f"urn:newsml:agence.example:{number}" for number in (1, 3)]
    assert [error.split(": ", 1)[1] for error in errors] == [
        "has neither title nor text",
        f"1 item under embargo, the first until {end:%Y-%m-%dT%H:%M:%SZ}: read again then",
    ]
    assert drop.source.snapshot().details["under embargo"] == "1"
    drop.now = end - timedelta(minutes=1)
    assert drop.all() == ([], [])
    drop.restart()
    assert drop.all() == ([], [])  # not told again, and still kept
    drop.now = end
    articles, errors = drop.all()
    assert [article.text for article in articles] == ["Secret."]
    assert errors == []
    assert drop.source.snapshot().details["under embargo"] == "0"
    drop.restart()
    assert drop.all() == ([], [])


def test_an_embargo_survives_a_kill_at_any_moment(drop: Drop) -> None:
    end = (drop.now + timedelta(hours=2)).replace(microsecond=0)
    drop.write("a.json", json.dumps([item(1), item(2, "Secret.", embargoed=end)]))
    seen: list[str | None] = []
    for _ in range(3):
        drop.batch(commit=False)
        drop.batch(commit=False)
        drop.restart()
    articles, _ = drop.all()
    seen += ids(articles)
    drop.restart()
    drop.now = end
    drop.batch(commit=False)
    drop.batch(commit=False)
    drop.restart()
    articles, _ = drop.all()
    assert [*seen, *ids(articles)] == ["urn:newsml:agence.example:1", "urn:newsml:agence.example:2"]


def test_several_embargoes_in_a_file_end_each_at_its_time(drop: Drop) -> None:
    ends = [(drop.now + timedelta(hours=hours)).replace(microsecond=0) for hours in (1, 3)]
    drop.write("a.json", json.dumps([item(number, embargoed=end) for number, end in enumerate(ends)]))
    articles, errors = drop.all()
    assert (articles, len(errors)) == ([], 1)
    assert f"2 items under embargo, the first until {ends[0]:%Y-%m-%dT%H:%M:%SZ}" in errors[0]
    for number, end in enumerate(ends):
        drop.now = end
        articles, errors = drop.all()
        assert ids(articles) == [f"urn:newsml:agence.example:{number}"]
        assert len(errors) == (number == 0)


def test_a_file_under_embargo_is_not_read_at_each_scan(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    drop.write("a.json", json.dumps(item(1, embargoed=drop.now + timedelta(days=30))))
    drop.all()
    readings: list[Path] = []

    def read(path: Path, **_: object) -> Iterator[Parsed | ReadError]:
        readings.append(path)
        return iter(())

    monkeypatch.setattr("connectors.folder.read_file", read)
    for _ in range(10):
        drop.batch()
    assert readings == []


def test_a_file_whose_embargo_is_lifted_by_another_content_is_read_at_once(drop: Drop) -> None:
    drop.write("a.json", json.dumps(item(1, embargoed=drop.now + timedelta(days=30))))
    assert drop.all()[0] == []
    drop.write("a.json", json.dumps(item(1, "Levé.")))
    articles, errors = drop.all()
    assert ([article.text for article in articles], errors) == (["Levé."], [])
    assert drop.source.snapshot().details["under embargo"] == "0"


def test_the_items_of_a_wire_file_are_handed_out_together(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.folder.MAX_BATCH_ENTRIES", 2)
    drop.write("a.json", json.dumps([item(number) for number in range(5)]))
    drop.write("b.json", json.dumps([item(number) for number in range(5, 8)]))
    drop.batch()
    assert [len(drop.batch().articles) for _ in range(3)] == [5, 3, 0]


def test_a_wire_file_that_may_not_be_opened_is_tried_until_it_may(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drop.write("a.json", json.dumps(item(1)))
    real = read_file
    shut = True

    def read(path: Path, *, name: str) -> Iterator[Parsed | ReadError]:
        return iter((ReadError(name, "Permission denied", "io", 0),)) if shut else real(path, name=name)

    monkeypatch.setattr("connectors.folder.read_file", read)
    assert drop.all() == ([], [f"{path}: Permission denied"])
    shut = False
    assert ids(drop.all()[0]) == ["urn:newsml:agence.example:1"]


def test_a_version_that_comes_after_a_later_one_is_not_published(drop: Drop) -> None:
    drop.write("b.json", json.dumps(item(1, "Corrigé.", version="2")))
    assert [article.text for article in drop.all()[0]] == ["Corrigé."]
    drop.write("a.json", json.dumps(item(1, "Premier.", version="1")))
    assert drop.all() == ([], [])


def test_what_is_killed_before_its_embargo_ends_is_never_published(drop: Drop) -> None:
    end = (drop.now + timedelta(hours=2)).replace(microsecond=0)
    drop.write("a.json", json.dumps(item(1, "Secret.", version="1", embargoed=end)))
    drop.all()
    drop.write("b.json", json.dumps({"uri": "urn:newsml:agence.example:1", "version": "2", "pubstatus": "canceled"}))
    assert [article.status for article in drop.all()[0]] == ["killed"]
    drop.now = end
    assert drop.all() == ([], [])
