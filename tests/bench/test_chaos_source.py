"""What comes in during a chaos run, and what of it must be on the topic in the end."""

import json
from pathlib import Path

from bench.changing_feeds import Feeds
from bench.chaos.source import LINES_IN_A_FILE, ArticleSource
from bench.chaos.texts import marked_wording
from bench.connector_faults import arrivals
from tests.connectors.making import article


def source(folder: Path, *, seed: int = 3) -> ArticleSource:
    return ArticleSource(Feeds(2, seed, wording=marked_wording), folder, wording=marked_wording, seed=seed)


def dropped(folder: Path) -> list[list[dict[str, str]]]:
    return [
        [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")]
        for path in sorted(folder.glob("*.jsonl"))
    ]


def test_files_read_by_name_end_in_what_is_wanted(tmp_path: Path) -> None:
    made = source(tmp_path)
    for _ in range(5):
        made.drop(2 * LINES_IN_A_FILE)
    files = dropped(tmp_path)
    assert len(files) == 10
    last = {line["id"]: line.get("text", "") for lines in files for line in lines}
    assert made.wanted() == last
    assert made.written == sum(len(lines) for lines in files)


def test_some_lines_correct_or_kill_earlier_ones_but_none_of_the_same_batch(tmp_path: Path) -> None:
    made = source(tmp_path)
    made.drop(10 * LINES_IN_A_FILE)
    seen: dict[str, int] = {}
    killed: set[str] = set()
    corrected = 0
    for number, line in enumerate(line for lines in dropped(tmp_path) for line in lines):
        assert line["id"] not in killed, "what was killed is not told again"
        if line["id"] in seen:
            assert number - seen[line["id"]] > LINES_IN_A_FILE
            corrected += "text" in line
        if line.get("status") == "killed":
            killed.add(line["id"])
        seen[line["id"]] = number
    assert killed
    assert corrected


def test_what_has_arrived_is_taken_up_however_little_was_dropped(tmp_path: Path) -> None:
    made = source(tmp_path)
    made.drop(100)
    made.has_arrived()
    for _ in range(10):
        made.drop(40)
    first, *others = dropped(tmp_path)
    again = [line for lines in others for line in lines if line["id"] in {one["id"] for one in first}]
    assert len(again) == len({line["id"] for line in again}), "what was taken up has yet to arrive"
    assert {line.get("status") for line in again} == {None, "killed"}


def test_the_last_wording_served_is_wanted_and_an_edit_nobody_saw_is_not() -> None:
    feeds = Feeds(1, 3, wording=marked_wording)
    feeds.write(0)
    assert feeds.last() == {}
    feeds.look(0)
    feeds.edit(0)
    assert feeds.last() == {"f0-1": marked_wording("f0-1", 0)}
    etag, body = feeds.look(0)
    assert feeds.last() == {"f0-1": marked_wording("f0-1", 1)}
    assert feeds.look(0) == (etag, body)


def test_arrivals_tell_the_missing_the_foreign_the_stale_and_what_has_two_ids() -> None:
    found = [article(1), article(2), article(2), article(3)]
    keys = [one.identity.key for one in found]
    wanted = {keys[0]: found[0].text, keys[1]: "something newer", "nowhere": "x"}
    came = arrivals(wanted, found)
    assert (came.missing, came.foreign, came.stale, came.twofold) == (("nowhere",), (keys[3],), (keys[1],), ())
    assert (came.entries, came.records, came.versions) == (3, 4, 3)
    assert not came.is_whole
    assert arrivals({key: one.text for key, one in zip(keys, found, strict=True)}, found).is_whole
    other = found[0].model_copy(update={"article_id": "0" * 32})
    assert arrivals({keys[0]: found[0].text}, [found[0], other]).twofold == (keys[0],)
