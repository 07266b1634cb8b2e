"""French event types against POPCORN's annotated reports (its JSON: report id → text, entities, relations).

    python -m bench.popcorn FILE [--half dev|unseen|all] [--misses]

POPCORN's reports are short invented reports of the kind that intelligence services write. They annotate events as
entities: a type, and all words of the report that stand for the event. The coder runs on each report's text alone,
as an article without a date. :data:`KINDS` states what each type of event is taken for, and why. Three figures:

- *by report* (the first figure): a report holds a PLOVER type if one of its events is mapped to it; the coder gives a
  type if any mention of that type comes out. Precision, recall and F1 per PLOVER type over the reports, and their mean.
- *by event*: an event is found if a mention of its PLOVER type stands in a sentence that holds one of the event's
  words; a mention is right if its sentence holds a word of an event mapped to its type. Precision counts mentions,
  recall events: an event told in three sentences and coded in each is three right mentions and one event found.
- *by POPCORN's own types* (stricter): as by report, but per group of POPCORN's types that PLOVER's mode or CAMEO code
  can tell apart; only mentions of that mode or code count for the group.

Precision is a lower bound: murders, shootings, abductions, beatings, searches, trials and the police's use of force
are ASSAULT and COERCE in PLOVER and have no type in POPCORN, so that what the coder rightly says of them counts as
wrong. The mean is printed for other mappings too, since a reader may take a riot for violence or a coup for coercion.

The halves are drawn by hash of the report's id. Does not score entities, relations or roles.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from schemas.article import Identity, Provenance, Published, Source, make_article
from schemas.base import clean_text
from schemas.mention import Mention
from streams.coding.coder import load_coder

FETCHED = datetime(2026, 1, 1, tzinfo=UTC)

Half = Literal["dev", "unseen", "all"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What one of POPCORN's event types is taken for.

    Attributes:
        plover: the PLOVER type; None where PLOVER has none.
        why: the reason, for the reader of the figures.
        group: name of the group in the figure by POPCORN's own types; empty where it is left out there.
    """

    plover: str | None
    why: str
    group: str = ""


_NO_ACT = "nobody's act, or no political one: PLOVER has no type"

#: POPCORN's event type → what it is taken for.
KINDS: Mapping[str, Kind] = {
    "BOMBING": Kind("ASSAULT", "bombs, shells and air raids: CAMEO 183 and 190", "bombing"),
    "POLITICAL_VIOLENCE": Kind("ASSAULT", "violence of and against political sides: CAMEO 18-20"),
    "CIVIL_WAR_OUTBREAK": Kind("ASSAULT", "fighting between armed sides: CAMEO 190", "war"),
    "COUP_D_ETAT": Kind("ASSAULT", "power taken by armed force: CAMEO 190", "war"),
    "CRIMINAL_ARREST": Kind("COERCE", "arrest, detention: CAMEO 173, mode arrest", "arrest"),
    "DEMONSTRATION": Kind("PROTEST", "CAMEO 141, mode demo", "demonstration"),
    "ILLEGAL_CIVIL_DEMONSTRATION": Kind("PROTEST", "the same, not allowed: PLOVER does not ask", "demonstration"),
    "STRIKE": Kind("PROTEST", "CAMEO 143, mode strike", "strike"),
    "RIOT": Kind("PROTEST", "CAMEO 145, mode riot", "riot"),
    "AGITATING_TROUBLE_MAKING": Kind("PROTEST", "disorder with a cause: roads blocked, meetings disturbed"),
    "HOOLIGANISM_TROUBLEMAKING": Kind("PROTEST", "disorder of a crowd: CAMEO 145"),
    "GATHERING": Kind(None, "mostly concerts, galas, sports and press conferences; few are meetings (CONSULT)"),
    "THEFT": Kind(None, "crime for gain: PLOVER's violence and seizure are of political actors"),
    "TRAFFICKING": Kind(None, "crime for gain; the arrests and seizures in it are annotated apart"),
    "DRUG_OPERATION": Kind(None, "the trade itself as often as the operation against it"),
    "ELECTION": Kind(None, "PLOVER has no type for elections"),
    "SUICIDE": Kind(None, _NO_ACT),
    "NATURAL_CAUSES_DEATH": Kind(None, _NO_ACT),
    "ACCIDENT": Kind(None, _NO_ACT),
    "FIRE": Kind(None, "fires are accidents or arson alike: the type does not say which"),
    "CBRN_EVENT": Kind(None, "leaks and explosions, nearly all accidents"),
    "NATURAL_EVENT": Kind(None, _NO_ACT),
    "EPIDEMIC": Kind(None, _NO_ACT),
    "POLLUTION": Kind(None, _NO_ACT),
    "ECONOMICAL_CRISIS": Kind(None, _NO_ACT),
}

#: Types of events that nobody does: an ASSAULT coded in a report that tells nothing else is a false alarm for sure.
MISHAPS = frozenset(
    {"ACCIDENT", "FIRE", "CBRN_EVENT", "NATURAL_EVENT", "EPIDEMIC", "POLLUTION", "SUICIDE", "NATURAL_CAUSES_DEATH"}
)

#: Which mentions stand for a group of POPCORN's own types: PLOVER type, modes, starts of CAMEO codes (either suffices).
GROUPS: Mapping[str, tuple[str, frozenset[str], tuple[str, ...]]] = {
    "arrest": ("COERCE", frozenset({"arrest"}), ("173",)),
    "bombing": (
        "ASSAULT",
        frozenset({"explosives", "suicide-attack", "aerial", "drone", "heavy-weapons"}),
        ("183",),
    ),
    "demonstration": ("PROTEST", frozenset({"demo"}), ("141",)),
    "riot": ("PROTEST", frozenset({"riot", "vandalize"}), ("145",)),
    "strike": ("PROTEST", frozenset({"strike"}), ("143",)),
    "war": ("ASSAULT", frozenset(), ("19",)),
}

#: Other mappings that a reader may hold: name → what changes.
OTHER_READINGS: Mapping[str, Mapping[str, str | None]] = {
    "coup as COERCE": {"COUP_D_ETAT": "COERCE"},
    "riot and disorder as ASSAULT": {
        "RIOT": "ASSAULT",
        "AGITATING_TROUBLE_MAKING": "ASSAULT",
        "HOOLIGANISM_TROUBLEMAKING": "ASSAULT",
    },
    "gathering as CONSULT": {"GATHERING": "CONSULT"},
    "theft as ASSAULT": {"THEFT": "ASSAULT"},
    "theft, traffic and drugs as COERCE": {"THEFT": "COERCE", "TRAFFICKING": "COERCE", "DRUG_OPERATION": "COERCE"},
}


@dataclass(frozen=True, slots=True)
class Annotated:
    """An annotated event: its POPCORN type, and where its words stand in the report."""

    kind: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One report: id, text, events of any type in :data:`KINDS`."""

    id: str
    text: str
    events: tuple[Annotated, ...]


@dataclass(slots=True)
class Counts:
    """Right and wrong ones, and missed ones; right ones among what should have come out, if counted apart.

    Attributes:
        right: mentions, or reports, that are right.
        wrong: those that are not.
        found: events, or reports, that were to come out and did.
        missed: those that did not.
    """

    right: int = 0
    wrong: int = 0
    found: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """Share of right ones; 0 where nothing came out."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 0.0

    @property
    def recall(self) -> float:
        """Share of found ones; 0 where nothing was to come out."""
        return self.found / (self.found + self.missed) if self.found + self.missed else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True, slots=True)
class Coded:
    """A report with the coder's mentions."""

    report: Report
    mentions: tuple[Mention, ...] = field(default=())


def read_reports(path: Path) -> list[Report]:
    """Return the file's reports in order of id.

    Raises:
        ValueError: if the file is not POPCORN's JSON; the message names it.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        reports = [_report(name, record) for name, record in document.items()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a POPCORN file of reports with text and entities: {error!r}") from error
    if not reports:
        raise ValueError(f"{path}: no report")
    return sorted(reports, key=lambda report: report.id)


def _report(name: str, record: Mapping[str, Any]) -> Report:
    events = (
        Annotated(entity["type"], tuple((int(m["start"]), int(m["end"])) for m in entity["mentions"]))
        for entity in record["entities"]
        if entity["type"] in KINDS
    )
    return Report(name, str(record["text"]), tuple(events))


def choose_half(reports: Sequence[Report], half: Half) -> list[Report]:
    """Return the reports of one half (or all), by hash of their ids; the same ones every time."""
    return [r for r in reports if half == "all" or _is_dev(r.id) == (half == "dev")]


def _is_dev(name: str) -> bool:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2 == 0


def code_reports(reports: Sequence[Report]) -> list[Coded]:
    """Return each report with the mentions that the coder finds in it.

    Raises:
        ValueError: if a report's text has characters that an article cannot have, which would shift the annotations.
    """
    coder = load_coder(("fr",))
    articles = []
    for report in reports:
        if clean_text(report.text) != report.text:
            raise ValueError(f"report {report.id}: text with characters that no article has")
        articles.append(
            make_article(
                source=Source(id="bench", language="fr"),
                connector="bench",
                identity=Identity(guid=report.id),
                title="",
                text=report.text,
                language="fr",
                published=Published(value=None, raw=None, reading="none"),
                fetched=FETCHED,
                provenance=Provenance(fetch_id="bench", hop="file"),
            )
        )
    return [Coded(r, c.mentions) for r, c in zip(reports, coder.code(articles), strict=True)]


def mapping(changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Return POPCORN's event type → PLOVER type for the types that have one, with the changes of another reading."""
    plover = {name: kind.plover for name, kind in KINDS.items()} | dict(changes or {})
    return {name: value for name, value in plover.items() if value is not None}


def by_report(coded: Sequence[Coded], types: Mapping[str, str]) -> dict[str, Counts]:
    """Return the counts per PLOVER type, where a report holds a type or does not."""
    return {
        plover: _presence(
            coded,
            lambda event, plover=plover: types.get(event.kind) == plover,  # type: ignore[misc]
            lambda mention, plover=plover: mention.type == plover,  # type: ignore[misc]
        )
        for plover in sorted(set(types.values()))
    }


def by_group(coded: Sequence[Coded]) -> dict[str, Counts]:
    """Return the counts per group of POPCORN's own types, where mode or CAMEO code must tell the group."""

    def stands_for(group: str) -> Callable[[Mention], bool]:
        plover, modes, codes = GROUPS[group]
        return lambda m: m.type == plover and (m.mode in modes or str(m.cameo).startswith(codes))

    def belongs(group: str) -> Callable[[Annotated], bool]:
        return lambda event: KINDS[event.kind].group == group

    return {group: _presence(coded, belongs(group), stands_for(group)) for group in GROUPS}


def _presence(coded: Iterable[Coded], wanted: Callable[[Annotated], bool], given: Callable[[Mention], bool]) -> Counts:
    counts = Counts()
    for one in coded:
        holds, gives = any(map(wanted, one.report.events)), any(map(given, one.mentions))
        counts.right += holds and gives
        counts.found += holds and gives
        counts.wrong += gives and not holds
        counts.missed += holds and not gives
    return counts


def by_event(coded: Sequence[Coded], types: Mapping[str, str]) -> dict[str, Counts]:
    """Return the counts per PLOVER type, where a mention's sentence must hold a word of the event."""
    counts = {plover: Counts() for plover in sorted(set(types.values()))}
    for one in coded:
        for event in one.report.events:
            if event.kind in types:
                plover = types[event.kind]
                found = any(m.type == plover and _touches(m, event) for m in one.mentions)
                counts[plover].found += found
                counts[plover].missed += not found
        for mention in one.mentions:
            if mention.type in counts:
                events = [e for e in one.report.events if types.get(e.kind) == mention.type]
                right = any(_touches(mention, event) for event in events)
                counts[mention.type].right += right
                counts[mention.type].wrong += not right
    return counts


def _touches(mention: Mention, event: Annotated) -> bool:
    return any(start < mention.evidence.end and mention.evidence.start < end for start, end in event.spans)


def macro(counts: Mapping[str, Counts]) -> float:
    """Return the mean F1."""
    return sum(c.f1 for c in counts.values()) / len(counts)


def _table(title: str, counts: Mapping[str, Counts]) -> list[str]:
    lines = [f"{title}: macro F1 {macro(counts):.3f}"]
    lines += [
        f"  {name:14s} P {c.precision:.2f} ({c.right}/{c.right + c.wrong})"
        f"  R {c.recall:.2f} ({c.found}/{c.found + c.missed})  F1 {c.f1:.3f}"
        for name, c in counts.items()
    ]
    return lines


def report_figures(coded: Sequence[Coded]) -> str:
    """Return the figures as text."""
    types = mapping()
    lines = [f"reports {len(coded)}, with a mapped event {sum(_is_mapped(c, types) for c in coded)}"]
    lines += _table("by report", by_report(coded, types))
    lines += _table("by event", by_event(coded, types))
    lines += _table("by POPCORN's own types", by_group(coded))
    for name, changes in OTHER_READINGS.items():
        other = mapping(changes)
        lines.append(
            f"{name}: macro F1 by report {macro(by_report(coded, other)):.3f},"
            f" by event {macro(by_event(coded, other)):.3f}"
        )
    lines.append("reports of each type whose PLOVER type comes out: " + _recalls(coded, types))
    quiet = [c for c in coded if c.report.events and all(e.kind in MISHAPS for e in c.report.events)]
    alarms = sum(any(m.type == "ASSAULT" for m in c.mentions) for c in quiet)
    lines.append(f"reports of mishaps alone {len(quiet)}, with an ASSAULT {alarms}")
    return "\n".join(lines)


def _is_mapped(coded: Coded, types: Mapping[str, str]) -> bool:
    return any(event.kind in types for event in coded.report.events)


def _recalls(coded: Sequence[Coded], types: Mapping[str, str]) -> str:
    held: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    for one in coded:
        given = {m.type for m in one.mentions}
        kinds = {e.kind for e in one.report.events if e.kind in types}
        held.update(kinds)
        hit.update(k for k in kinds if types[k] in given)
    return ", ".join(f"{kind} {hit[kind]}/{held[kind]}" for kind in sorted(held))


def misses(coded: Sequence[Coded]) -> str:
    """Return the reports where a type was missed or came out for nothing, with what tells why."""
    types = mapping()
    lines = []
    for one in coded:
        wanted = {types[e.kind] for e in one.report.events if e.kind in types}
        given = {m.type for m in one.mentions}
        kinds = " ".join(sorted({e.kind for e in one.report.events}))
        text = " ".join(one.report.text.split())
        lines += [f"{one.report.id} [{kinds}] no {plover}: {text}" for plover in sorted(wanted - given)]
        for plover in sorted((given - wanted) & set(types.values())):
            told = [f"{m.reasons.type}: {m.evidence.text}" for m in one.mentions if m.type == plover]
            lines.append(f"{one.report.id} [{kinds}] {plover} for nothing: " + " | ".join(told))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures for a half of the file, or for both halves and the whole."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="POPCORN's JSON of annotated reports")
    parser.add_argument("--half", choices=["dev", "unseen", "all"], default="all", help="all also prints both halves")
    parser.add_argument("--misses", action="store_true", help="list the reports of the half that were missed")
    options = parser.parse_args(arguments)
    try:
        coded = code_reports(choose_half(read_reports(options.file), options.half))
    except (OSError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return 2
    halves: tuple[Half, ...] = ("dev", "unseen", "all") if options.half == "all" else (options.half,)
    for half in halves:
        print(f"== {half}")
        print(report_figures([c for c in coded if half == "all" or _is_dev(c.report.id) == (half == "dev")]))
    if options.misses:
        print(misses(coded))
    return 0


if __name__ == "__main__":
    sys.exit(main())
