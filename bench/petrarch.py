"""English event types against PETRARCH's validation sentences (the XML file of its unit tests).

    python -m bench.petrarch FILE.xml [--half dev|unseen|all] [--misses]

For each sentence the coder runs on the sentence alone, with the file's date as the day of publication. A sentence is
**counted** if at least one of its codes has a root that stands for an event type; it is **hit** if a mention of a type
that one of its codes stands for comes out. Beside it: the share of all expected types that come out (a sentence with
two codes expects two), types that came out though no code of a counted sentence stands for them, and, of the sentences
that the file says hold no event, the share that give none.

Three readings of the codes are printed, since the file mixes code books:

- *CAMEO*: the root decides, by PLOVER's table of roots. Roots 01 and 02 (statements) and numbers that CAMEO does not
  have (22, 34, 80, 90, 91: numbers made up for a test, or another book's) count as no annotation.
- *WEIS*: many sentences come from the validation suite of TABARI, PETRARCH's forerunner, and keep the WEIS codes of
  that time: the file's own notes call 032 and 033 "visit" and "receive visit" (WEIS), which in CAMEO are 042 and 043.
- *either*: lenient: a type that one of the two readings gives counts as a hit, since nothing says which book a code is
  from (161 for broken relations and 1721 for a cordon are CAMEO's).

The share by the first reading says little of PLOVER. Read one by one against PLOVER's definitions by the lexicon's
author: of the 190 sentences that CAMEO's roots give a type, 114 do not give that type; in 100 of these the code is of
another book or made up, and what comes out is right or rightly nothing; 14 are the coder's faults.

The halves are drawn with a fixed seed over the sentences in order of the file. They are not independent: the file
repeats some sentences many times with one word changed. The sentences are stylised tests of a parser, not news; see
tests/coding/test_english_news.py for news.
"""

from __future__ import annotations

import argparse
import random
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from schemas.article import Identity, Provenance, Published, Source, make_article
from schemas.base import clean_text
from schemas.mention import Mention
from streams.coding.coder import load_coder

SEED = 20140901
FETCHED = datetime(2026, 1, 1, tzinfo=UTC)

#: Start of a CAMEO code → PLOVER type; the longest start counts (PLOVER 2.0 codebook).
CAMEO: Mapping[str, str] = {
    "03": "AGREE", "04": "CONSULT", "05": "SUPPORT", "06": "COOPERATE", "07": "AID",
    "08": "CONCEDE", "0813": "RETREAT", "0814": "RETREAT",
    "084": "RETREAT", "085": "RETREAT", "086": "RETREAT", "087": "RETREAT",
    "09": "ACCUSE", "10": "REQUEST", "11": "ACCUSE", "12": "REJECT", "13": "THREATEN", "14": "PROTEST",
    "15": "MOBILIZE", "16": "SANCTION", "163": "COERCE", "17": "COERCE", "1712": "ASSAULT", "175": "ASSAULT",
    "18": "ASSAULT", "19": "ASSAULT", "191": "COERCE", "192": "COERCE", "20": "ASSAULT",
}  # fmt: skip

#: Start of a WEIS code → the PLOVER type of what it means (McClelland, World Event/Interaction Survey, 1976).
WEIS: Mapping[str, str] = {
    "01": "RETREAT", "013": "CONCEDE", "014": "CONCEDE", "03": "CONSULT", "04": "SUPPORT", "05": "AGREE",
    "06": "COOPERATE", "061": "CONCEDE", "063": "AID", "065": "CONCEDE", "066": "RETREAT", "07": "AID", "08": "AGREE",
    "09": "REQUEST", "10": "REQUEST", "101": "AGREE", "11": "REJECT", "12": "ACCUSE", "13": "ACCUSE", "14": "REJECT",
    "15": "REQUEST", "16": "THREATEN", "17": "THREATEN", "18": "PROTEST", "182": "MOBILIZE",
    "19": "SANCTION", "20": "SANCTION", "21": "COERCE", "211": "ASSAULT", "22": "ASSAULT",
}  # fmt: skip

#: What the figures are printed for.
READINGS: Mapping[str, tuple[Mapping[str, str], ...]] = {"CAMEO": (CAMEO,), "WEIS": (WEIS,), "either": (CAMEO, WEIS)}

Half = Literal["dev", "unseen", "all"]


@dataclass(frozen=True, slots=True)
class Record:
    """One sentence of the file.

    Attributes:
        name: its id; a few ids occur twice.
        day: the file's date for it, UTC.
        text: the sentence.
        codes: its event codes, without repetition; empty where it has none.
        no_event: True where the file says that it holds no event.
    """

    name: str
    day: datetime
    text: str
    codes: tuple[str, ...]
    no_event: bool


@dataclass(frozen=True, slots=True)
class Score:
    """What one reading of the codes counts over some sentences."""

    counted: int
    hit: int
    expected: int
    found: int
    extra: int
    produced: int


def read_records(path: Path) -> list[Record]:
    """Return the file's sentences in order.

    Raises:
        ValueError: if the file is no XML or holds no sentence; the message names it.
    """
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - a file that the user names; the parser expands no external entity
    except ET.ParseError as exc:
        raise ValueError(f"{path}: not XML: {exc}") from exc
    records = [_record(sentence) for sentence in root.iter("Sentence")]
    if not records:
        raise ValueError(f"{path}: no Sentence element")
    return records


def _record(sentence: ET.Element) -> Record:
    coded = sentence.findall("EventCoding")
    return Record(
        name=sentence.get("id", ""),
        day=datetime.strptime(sentence.get("date", ""), "%Y%m%d").replace(tzinfo=UTC),
        text=clean_text(" ".join((sentence.findtext("Text") or "").split())),
        codes=tuple(dict.fromkeys(e.get("eventcode", "") for e in coded if e.get("eventcode"))),
        no_event=any(e.get("noevents") == "True" for e in coded),
    )


def choose_half(records: Sequence[Record], half: Half) -> list[Record]:
    """Return the records of one half (or all), in order of the file; the same ones every time."""
    if half == "all":
        return list(records)
    positions = list(range(len(records)))
    random.Random(SEED).shuffle(positions)
    dev = frozenset(positions[: len(positions) // 2])
    return [r for i, r in enumerate(records) if (i in dev) == (half == "dev")]


def expected_types(codes: Sequence[str], books: Sequence[Mapping[str, str]]) -> list[frozenset[str]]:
    """Return, for each code that a book gives a type, the PLOVER types it may stand for; other codes are left out."""
    out = []
    for code in codes:
        found = (next((book[code[:n]] for n in range(len(code), 1, -1) if code[:n] in book), None) for book in books)
        types = frozenset(t for t in found if t is not None)
        if types and types not in out:
            out.append(types)
    return out


def score(coded: Sequence[tuple[Record, Sequence[Mention]]], books: Sequence[Mapping[str, str]]) -> Score:
    """Return the counts over the sentences whose codes stand for a type in one of these books."""
    counted = hit = expected = found = extra = produced = 0
    for record, mentions in coded:
        wanted = expected_types(record.codes, books)
        if not wanted:
            continue
        out = {m.type for m in mentions}
        here = [types for types in wanted if types & out]
        counted += 1
        hit += bool(here)
        expected += len(wanted)
        found += len(here)
        produced += len(out)
        extra += len(out - frozenset().union(*wanted))
    return Score(counted, hit, expected, found, extra, produced)


def code_records(records: Sequence[Record]) -> list[tuple[Record, tuple[Mention, ...]]]:
    """Return each sentence with the mentions that the coder finds in it alone."""
    coder = load_coder(("en",))
    articles = [
        make_article(
            source=Source(id="bench", language="en"),
            connector="bench",
            identity=Identity(guid=f"{position}-{record.name}"),
            title="",
            text=record.text,
            language="en",
            published=Published(value=record.day, reading="given"),
            fetched=FETCHED,
            provenance=Provenance(fetch_id="bench", hop="file"),
        )
        for position, record in enumerate(records)
    ]
    return [(record, coding.mentions) for record, coding in zip(records, coder.code(articles), strict=True)]


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} = {part / whole:.3f}" if whole else "0/0"


def report(coded: Sequence[tuple[Record, Sequence[Mention]]]) -> str:
    """Return the figures as text."""
    lines = [f"sentences {len(coded)}, with codes {sum(bool(r.codes) for r, _ in coded)}"]
    for name, books in READINGS.items():
        s = score(coded, books)
        lines.append(
            f"{name}: root type accuracy {_share(s.hit, s.counted)}; of expected types {_share(s.found, s.expected)};"
            f" types not expected {_share(s.extra, s.produced)} of those produced"
        )
    silent = [(r, m) for r, m in coded if r.no_event]
    lines.append(f"annotated as no event, none given: {_share(sum(not m for _, m in silent), len(silent))}")
    statements = [
        (r, m) for r, m in coded if r.codes and all(code[:2] in {"01", "02"} for code in r.codes) and not r.no_event
    ]
    lines.append(
        f"only statements (roots 01, 02), none given: {_share(sum(not m for _, m in statements), len(statements))}"
    )
    return "\n".join(lines)


def misses(coded: Sequence[tuple[Record, Sequence[Mention]]]) -> str:
    """Return the sentences that neither reading hits, with what came out, and those that should have been silent."""
    lines = []
    for record, mentions in coded:
        out = Counter(m.type for m in mentions)
        wanted = frozenset().union(*expected_types(record.codes, (CAMEO, WEIS)))
        if (record.no_event and out) or (wanted and wanted.isdisjoint(out)):
            codes = " ".join(record.codes) or "none"
            lines.append(f"{record.name} codes {codes} ({', '.join(sorted(wanted))}) gave {dict(out)}: {record.text}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures for a half of the file, or for both halves and the whole."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="PETRARCH's unit-test XML")
    parser.add_argument("--half", choices=["dev", "unseen", "all"], default="all", help="all also prints both halves")
    parser.add_argument("--misses", action="store_true", help="list the sentences of the half that were missed")
    options = parser.parse_args(arguments)
    try:
        records = read_records(options.file)
    except (OSError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return 2
    halves: tuple[Half, ...] = ("dev", "unseen", "all") if options.half == "all" else (options.half,)
    chosen = choose_half(records, options.half)
    coded = code_records(chosen)
    by_record = {id(record): mentions for record, mentions in coded}
    for half in halves:
        print(f"== {half}")
        print(report([(r, by_record[id(r)]) for r in choose_half(records, half)]))
    if options.misses:
        print(misses(coded))
    return 0


if __name__ == "__main__":
    sys.exit(main())
