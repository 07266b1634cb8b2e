from __future__ import annotations

import errno
import io

import pytest
from rich.console import Console

from depeche.screen import Screen


def test_lines_carry_the_time_and_no_escapes() -> None:
    output = io.StringIO()
    with Screen(Console(file=output, width=40)) as screen:
        screen.say("one [bold]\x1b[2J\ntwo " + "x" * 100)
    first, second = output.getvalue().splitlines()
    assert first[8:] == " one [bold]\\x1b[2J"
    assert second.endswith("x" * 100)


def test_without_a_terminal_the_state_is_printed_when_it_changed_and_not_too_often() -> None:
    output, now = io.StringIO(), [0.0]
    with Screen(Console(file=output, width=80), clock=lambda: now[0]) as screen:
        for moment, text in ((0, "a"), (1, "b"), (20, "b"), (21, "c"), (40, "b"), (60, "c")):
            now[0] = moment
            screen.set_status(text)
    assert [line.split()[-1] for line in output.getvalue().splitlines()] == ["a", "b", "c"]


def test_on_a_terminal_the_state_stays_below_the_lines() -> None:
    output = io.StringIO()
    with Screen(Console(file=output, width=80, force_terminal=True)) as screen:
        screen.set_status("articles 1")
        screen.set_status("articles 2")
        screen.say("a line")
    assert "a line" in output.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("problem", [OSError(errno.EIO, "the terminal is gone"), SystemExit(1)])
def test_where_nobody_reads_any_more_it_goes_on(problem: BaseException, *, terminal: bool) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise problem

    with Screen(Console(file=Gone(), width=80, force_terminal=terminal)) as screen:
        screen.say("a line")
        screen.set_status("a state")
