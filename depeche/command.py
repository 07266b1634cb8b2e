"""The `depeche` command: its parts, its help. Each command's work is done in a module of its own.

What is heavy (Faust, spaCy, kafka-python) is imported by the command that needs it: `depeche --help` answers at once.
"""

from __future__ import annotations

import sys

import typer

from depeche import inspecting, running_commands
from depeche.code_command import code_command
from depeche.dlq.command import dlq_app
from depeche.eval_command import eval_command
from depeche.feeds.command import feeds_app
from depeche.replay.command import replay_app
from depeche.replay.diff_command import diff_command

app = typer.Typer(
    name="depeche",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""News feeds in, structured political events out, on Kafka.

Start everything on this machine, and stop it with Ctrl-C:

    depeche up --drop inbox

Then, in another terminal:

    cp article.txt inbox/
    depeche tail events
    depeche audit

No broker needed:

    depeche code article.txt
""",
    epilog="Exit codes: 0 done · 1 done, and the answer is no · 2 wrong options or settings · 3 a worker stopped "
    "itself before it gave up the whole stream · 4 something needed is not there.",
)

running_commands.register(app)
app.add_typer(feeds_app, name="feeds", rich_help_panel="Run")
app.add_typer(replay_app, name="replay", rich_help_panel="Run")
app.add_typer(dlq_app, name="dlq", rich_help_panel="Run")
inspecting.register(app)
app.command("diff", rich_help_panel="Look")(diff_command)
app.command("code", rich_help_panel="Look")(code_command)
app.command("eval", rich_help_panel="Look")(eval_command)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a character must not end the command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    app()


if __name__ == "__main__":
    main()
