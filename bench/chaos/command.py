"""The command `python -m bench.chaos`: options, the cluster, what is printed."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.chaos.plan import KINDS
from bench.chaos.run import CODERS, Given, Result, kinds_dealt, run
from bench.chaos.service import quantile
from bench.chaos.striking import ChaosError
from bench.connector_faults import arrival_lines
from depeche.audit import render
from depeche.broker import EmbeddedCluster

BURSTS = {"fake": 3000, "standard": 600}


def lines(result: Result) -> list[str]:
    """Return what is to be said of a run."""
    given = result.given
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds_dealt(result).items()))
    endings = ", ".join(f"{how} {number}" for how, number in sorted(result.endings.items()))
    again = ", ".join(f"{name} {twice} of {number}" for name, (twice, number) in result.written_twice.items())
    during = ", ".join(f"{fault.number} {fault.kind}" for fault in result.during)
    return [
        f"seed {given.seed}, {given.workers} workers of {given.pool_processes} coding processes, coder {given.coder}",
        f"capacity      {'not measured' if result.capacity is None else f'{result.capacity:.1f} articles a second'}",
        f"flow          {result.rate:.1f} articles a second; {result.seconds:.0f} s from the first fault to quiet",
        f"faults        {len(result.dealt)}: {kinds}",
        f"process ends  {endings}",
        f"longest gap   {result.gap.seconds:.1f} s without an outcome while articles waited",
        f"  with faults {during or 'none'}",
        f"waited        p50 {quantile(result.waited, 0.5):.1f} s, p99 {quantile(result.waited, 0.99):.1f} s, "
        f"longest {quantile(result.waited, 1.0):.1f} s from an article's record to its outcome's",
        f"written again {again}",
        "connectors",
        *(f"  {line}" for line in arrival_lines(result.arrived)),
        "audit",
        *(f"  {line}" for line in render(result.report).split("\n")),
        "reference",
        *(f"  {line}" for difference in result.differences for line in difference.lines()),
        f"on two partitions: {len(result.twofold)} {' '.join(result.twofold[:5])}".rstrip(),
        *(f"PROBLEM {problem}" for problem in result.problems),
        "RIGHT: nothing lost, nothing doubled, nothing changed" if result.is_right else "NOT RIGHT",
    ]


def _say(line: str) -> None:
    print(line, flush=True)


def _given(arguments: Sequence[str] | None) -> tuple[Given, Path | None]:
    parser = argparse.ArgumentParser(
        prog="python -m bench.chaos", description="Everything killed at random while articles flow: is all right?"
    )
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pool-processes", type=int, default=1, help="of each worker")
    parser.add_argument("--coder", choices=CODERS, default="fake")
    parser.add_argument("--rate", type=float, help="articles a second; without, half of the measured capacity")
    parser.add_argument("--burst", type=int, help="articles for measuring the capacity")
    parser.add_argument("--pause", type=float, default=4.0, help="seconds from a fault to the next, in the mean")
    parser.add_argument("--feeds", type=int, default=8)
    parser.add_argument("--kinds", default=",".join(KINDS), help="separated by commas; all: %(default)s")
    parser.add_argument("--quiet", type=float, default=900.0, help="seconds that the work may take after the faults")
    parser.add_argument("--keep", type=Path, help="a folder to make and keep; without, kept only after a failure")
    told = parser.parse_args(arguments)
    given = Given(
        told.faults,
        told.seed,
        coder=told.coder,
        workers=told.workers,
        pool_processes=told.pool_processes,
        kinds=tuple(told.kinds.split(",")),
        rate=told.rate,
        burst=told.burst or BURSTS[told.coder],
        pause=told.pause,
        feeds=told.feeds,
        quiet_seconds=told.quiet,
    )
    return given, told.keep


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a run and print what came of it; return the exit status."""
    given, keep = _given(arguments)
    if keep is not None:
        keep.mkdir(parents=True)
    folder = keep or Path(tempfile.mkdtemp(prefix="depeche-chaos-"))
    _say(f"seed {given.seed}; logs in {folder}")
    right = False
    try:
        with EmbeddedCluster(folder / "brokers", say=lambda _: None) as cluster:
            result = run(cluster, folder, given, say=_say)
        right = result.is_right
        for line in lines(result):
            _say(line)
    except (ChaosError, ValueError) as exc:
        print(f"the run broke off: {exc}", file=sys.stderr)
    finally:
        if right and keep is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            _say(f"logs are kept in {folder}")
    return 0 if right else 1
