"""`depeche eval`: the coder against hand-coded articles: figures, and each error with its reason, as report or JSON."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from depeche.diagnosis import KINDS, Fault, diagnose
from depeche.gold import GoldArticle
from depeche.present import counted, printable
from depeche.printing import print_trimmed
from depeche.scoring import Figures, Tally, prediction_of
from streams.coding.coder import Coder
from streams.coding.explanation import explain


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures and errors over all articles."""

    figures: Figures
    faults: tuple[Fault, ...]


def evaluate(articles: Sequence[GoldArticle], coder: Coder, done: Callable[[int], None] = lambda _: None) -> Evaluation:
    """Code hand-coded articles and compare; `done` hears after each article how many are done."""
    figures, faults = Figures(), list[Fault]()
    for number, gold in enumerate(articles, start=1):
        told = explain(coder, gold.article)
        pairs = figures.add([prediction_of(m) for m in told.coding.mentions], gold.events)
        faults += diagnose(gold, told, pairs)
        done(number)
    return Evaluation(figures, tuple(faults))


def listed(faults: Iterable[Fault], most: int) -> list[Fault]:
    """Return the first faults of each kind, in the order of kinds."""
    taken = Counter[str]()
    kept = []
    for fault in faults:
        taken[fault.kind] += 1
        if taken[fault.kind] <= most:
            kept.append(fault)
    return sorted(kept, key=lambda fault: KINDS.index(fault.kind))


def as_json(evaluation: Evaluation, most: int) -> dict[str, Any]:
    """Return the figures, the number of errors of each kind, and some of each."""
    kinds = Counter(fault.kind for fault in evaluation.faults)
    return evaluation.figures.as_json() | {
        "errors": {kind: kinds[kind] for kind in KINDS if kinds[kind]},
        "listed": [dataclasses.asdict(fault) for fault in listed(evaluation.faults, most)],
    }


def print_report(console: Console, name: str, evaluation: Evaluation, most: int) -> None:
    """Print the figures, the errors by kind, and some of each kind with its sentence and reason."""
    figures = evaluation.figures
    core = figures.event.hits + figures.event.missed
    sums = [
        counted(figures.articles, "article"),
        counted(core, "core event"),
        counted(figures.predicted, "mention"),
        f"{figures.optional_hits} of them optional events",
    ]
    print_trimmed(
        console,
        [
            Text.assemble((printable(name), "bold"), f" · {', '.join(sums)}\n"),
            _tallies(figures),
            "",
            _slots(figures),
            "",
            _errors(evaluation.faults),
            "",
        ],
    )
    for fault in listed(evaluation.faults, most):
        print_trimmed(console, _shown(fault))


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)


def _numbers(table: Table, *names: str) -> None:
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)


def _tallies(figures: Figures) -> Table:
    table = _table()
    table.add_column("events", no_wrap=True)
    _numbers(table, "precision", "recall", "F1", "right", "wrong", "missed")

    def add(name: str, tally: Tally, style: str = "") -> None:
        shares = [f"{share:.3f}" for share in (tally.precision, tally.recall, tally.f1)]
        table.add_row(name, *shares, *map(str, (tally.hits, tally.wrong, tally.missed)), style=style)

    add("type right", figures.event, "bold")
    add("who did what to whom", figures.whole, "bold")
    table.add_row("mean over types", "", "", f"{figures.macro_f1:.3f}", style="bold", end_section=True)
    for kind in sorted(figures.types):
        add(kind, figures.types[kind])
    return table


def _slots(figures: Figures) -> Table:
    table = _table()
    table.add_column("slot", no_wrap=True)
    _numbers(table, "accuracy", "right", "of")
    for slot, (right, of) in figures.slots.items():
        table.add_row(slot.replace("_", " "), f"{right / of:.3f}" if of else "–", str(right), str(of))
    return table


def _errors(faults: Sequence[Fault]) -> Table:
    kinds = Counter(fault.kind for fault in faults)
    table = _table()
    table.add_column("errors", no_wrap=True)
    _numbers(table, "number")
    for kind in KINDS:
        if kinds[kind]:
            table.add_row(kind.replace("_", " "), str(kinds[kind]))
    return table


def _shown(fault: Fault) -> Iterator[RenderableType]:
    where = f" · {printable(fault.article)} at {fault.start}"
    yield Text.assemble((fault.kind.replace("_", " "), "bold red"), where)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column()
    grid.add_row("", Text(printable(fault.sentence)))
    for name, value in (("gold", fault.expected), ("coded", fault.found), ("why", fault.reason)):
        if value:
            grid.add_row(name, Text(printable(value)))
    yield grid
    yield ""
