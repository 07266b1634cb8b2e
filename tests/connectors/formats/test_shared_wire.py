"""The IPTC's own examples beside the project: each item an article or a reason. Skipped where absent."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.entry import Entry, published_of
from connectors.formats.files import Parsed, ReadError, read_file

SHARED = Path(os.environ.get("DEPECHE_SHARED", Path(__file__).parents[3].parent / "shared"))
WIRE = SHARED / "data" / "wire"
EXPECTED = {
    # name: articles, problems, title begins, publisher's version, date, holder of the rights
    "newsml-g2-item.xml": (1, 0, "Fed to halt", 11, "2018-10-21T21:25:32", "Example Enews LLP"),
    "newsml-g2-text.xml": (1, 0, "Fed to halt", 11, "2018-11-21T21:25:32", "Acme News and Media LLC"),
    "newsml-g2-message.xml": (0, 5, "", None, None, None),  # a package, and items whose content is "....."
    "ninjs-2.1-businesswire-newsml-20130731006140.json": (1, 0, "Lunch Taking", 1, "2013-07-31T15:32:00", None),
    "ninjs-2.1-imageLinkedRights.json": (0, 1, "", None, None, None),
    "ninjs-3.0-imageLinkedRights.json": (0, 1, "", None, None, None),
    "ninjs-2.1-ntb_text.json": (1, 0, "Google har", 6, "2019-08-09T09:46:53", "NTB"),
    "ninjs-3.0-20231008-anti-doping-measures-at-the-tour-down-under-will-be-the-toughest-ever-addb-ninjs-nitf.json": (
        1, 0, "Anti-doping measures", 2, "2023-10-08T00:34:03", None,
    ),
    "ninjs-3.0-20231016-addb-example-press-conference.json": (1, 0, "World Anti", None, None, None),
    "ninjs-3.0-20231016-event-timeline-sample.json": (14, 0, "Athlete uses", None, None, None),
}  # fmt: skip


def items(name: str) -> tuple[list[Entry], list[ReadError]]:
    if not WIRE.is_dir():
        pytest.skip(f"no wire files in {SHARED}: set DEPECHE_SHARED")
    found = list(read_file(WIRE / name))
    return [item.entry for item in found if isinstance(item, Parsed)], [
        item for item in found if isinstance(item, ReadError)
    ]


@pytest.mark.shared
@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_of_the_standard_gives_its_articles(name: str) -> None:
    articles, problems, title, version, published, holder = EXPECTED[name]
    entries, errors = items(name)
    assert (len(entries), len(errors)) == (articles, problems)
    assert all(entry.title and entry.guid for entry in entries)
    if not entries:
        return
    first = entries[0]
    assert first.title.startswith(title)
    assert first.publisher_version == version
    value = published_of(first, fetched=datetime(2026, 1, 1, tzinfo=UTC)).value
    assert (value.strftime("%Y-%m-%dT%H:%M:%S") if value else None) == published
    assert (first.rights.holder if first.rights else None) == holder
    assert all(entry.text or name == "newsml-g2-item.xml" for entry in entries)
    assert not any("<p" in entry.text or "&amp;" in entry.text for entry in entries)


@pytest.mark.shared
def test_the_embargo_and_the_rights_of_the_example_are_read() -> None:
    (entry,), _ = items("newsml-g2-item.xml")
    assert entry.embargoed == datetime(2018, 10, 23, 12, tzinfo=UTC)
    assert entry.rights is not None
    assert entry.rights.usage_terms == "Not for use outside the United States"


@pytest.mark.shared
def test_every_file_beside_the_project_is_expected() -> None:
    if not WIRE.is_dir():
        pytest.skip(f"no wire files in {SHARED}: set DEPECHE_SHARED")
    assert {path.name for path in WIRE.iterdir()} == set(EXPECTED)
