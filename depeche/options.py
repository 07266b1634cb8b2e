"""What all commands share: the options that choose the settings, how errors are told, how lines are printed."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer

from depeche.exits import ToldError

if TYPE_CHECKING:
    from depeche.settings import Loaded

_P = ParamSpec("_P")
_ON_SETTINGS = "Settings"

SettingsOption = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="Settings file [default: depeche.toml, if there].",
        rich_help_panel=_ON_SETTINGS,
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help="Data folder [default: var].", rich_help_panel=_ON_SETTINGS),
]
BootstrapOption = Annotated[
    str | None,
    typer.Option(
        "--bootstrap",
        metavar="HOST:PORT",
        help="Kafka brokers [default: those of the `depeche up` on the data folder].",
        rich_help_panel=_ON_SETTINGS,
    ),
]
PrefixOption = Annotated[
    str | None,
    typer.Option("--prefix", metavar="NAME", help="Topic prefix [default: news].", rich_help_panel=_ON_SETTINGS),
]


def load_settings(file: Path | None, **options: object) -> Loaded:
    """Read the settings; an option that was not given (null, or empty) decides nothing.

    Raises:
        depeche.settings.SettingsError: they can't be used.
    """
    from depeche.settings import load  # noqa: PLC0415 - `--help` needs no pydantic

    return load(file, options=given(options))


def given(options: dict[str, object]) -> dict[str, object]:
    """Return the options that were given on the command line."""
    return {name: value for name, value in options.items() if value not in (None, (), [])}


def told(command: Callable[_P, int | None]) -> Callable[_P, None]:
    """Make a command tell its errors in a line, and end with its exit code; bugs keep their traceback."""

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            code = command(*args, **kwargs)
        except ToldError as exc:
            complain(str(exc))
            raise typer.Exit(exc.code) from exc
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # Whoever read us has enough (`| head`). Nothing more can be written, not even by the interpreter's exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as exc:
            if exc.filename is None:
                raise
            # A file or folder that the person named, one way or another.
            complain(f"{exc.filename}: {exc.strerror or exc}")
            raise typer.Exit(ToldError.code) from exc
        if code:
            raise typer.Exit(code)

    return run


def complain(text: str) -> None:
    """Print an error, each line of it marked, on standard error."""
    from depeche.present import visible  # noqa: PLC0415 - needed only when something is wrong

    for line in text.splitlines():
        typer.echo(f"depeche: {visible(line)}", err=True)
