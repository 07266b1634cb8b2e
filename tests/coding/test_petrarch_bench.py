"""The bench over PETRARCH's file: how it reads the file, halves it, and counts. On a file of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.petrarch import CAMEO, WEIS, Record, choose_half, code_records, expected_types, main, read_records, score

_FILE = """<Validation><Sentences>
<Sentence date="20200105" id="a"><EventCoding sourcecode="FRA" targetcode="MLI" eventcode="190"/>
<EventCoding sourcecode="MLI" targetcode="FRA" eventcode="190"/>
<Text>French
warplanes bombed a rebel camp in Mali.</Text></Sentence>
<Sentence date = "20200106" id ="b"><EventCoding noevents = "True"/><Text>The sun shone.</Text></Sentence>
<Sentence date="20200107" id="c"><EventCoding eventcode="032"/>
<Text>The Chadian minister visited Paris.</Text></Sentence>
<Sentence date="20200107" id="d"><EventCoding error="dateline"/><Text>Nothing here.</Text></Sentence>
</Sentences></Validation>"""


@pytest.fixture
def records(tmp_path: Path) -> list[Record]:
    path = tmp_path / "file.xml"
    path.write_text(_FILE, encoding="utf-8")
    return read_records(path)


def test_sentences_are_read_with_their_codes(records: list[Record]) -> None:
    assert [(r.name, r.codes, r.no_event) for r in records] == [
        ("a", ("190",), False),
        ("b", (), True),
        ("c", ("032",), False),
        ("d", (), False),
    ]
    assert records[0].text == "French warplanes bombed a rebel camp in Mali."


def test_a_code_has_the_type_of_its_longest_start() -> None:
    assert expected_types(["192"], [CAMEO]) == [{"COERCE"}]
    assert expected_types(["193"], [CAMEO]) == [{"ASSAULT"}]
    assert expected_types(["0841", "081"], [CAMEO]) == [{"RETREAT"}, {"CONCEDE"}]
    assert expected_types(["032"], [CAMEO, WEIS]) == [{"AGREE", "CONSULT"}]
    assert expected_types(["023", "904"], [CAMEO]) == []


def test_halves_share_nothing_and_make_up_the_whole(records: list[Record]) -> None:
    dev, unseen = choose_half(records, "dev"), choose_half(records, "unseen")
    assert len(dev) == len(unseen) == 2
    assert {r.name for r in dev} | {r.name for r in unseen} == {"a", "b", "c", "d"}
    assert choose_half(records, "dev") == dev


def test_hits_are_counted_by_reading(records: list[Record]) -> None:
    coded = code_records(records)
    cameo, weis = score(coded, [CAMEO]), score(coded, [WEIS])
    assert (cameo.counted, cameo.hit) == (2, 1)
    assert (weis.counted, weis.hit) == (2, 1)
    assert score(coded, [CAMEO, WEIS]).hit == 2


@pytest.mark.parametrize("content", ["", "no xml", "<Validation/>"])
def test_a_bad_file_is_named(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.xml"
    path.write_text(content, encoding="utf-8")
    assert main([str(path)]) == 2
    assert "bad.xml" in capsys.readouterr().err
