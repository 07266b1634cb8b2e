"""A wrong lexicon file is told in a line, in each command that codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from depeche import coder_loading
from depeche.command import app
from depeche.exits import MISUSED, MisuseError
from streams.coding.lexicon import Lexicon

FAULT = "lexicon/fr/x.yaml: entry y: no frame z in lexicon/fr/frames.yaml"


@pytest.fixture(autouse=True)
def _wrong_lexicon(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(language: str) -> Lexicon:
        raise ValueError(FAULT)

    monkeypatch.setattr(coder_loading, "load_lexicon", wrong)


def test_the_message_names_the_file_and_the_entry() -> None:
    with pytest.raises(MisuseError, match="entry y: no frame z"):
        coder_loading.checked_coder()


@pytest.mark.parametrize("arguments", [["code", "-"], ["eval", "gold.json"]])
def test_commands_tell_it_without_a_traceback(arguments: list[str]) -> None:
    Path("gold.json").write_text('{"articles": [], "events": []}')
    result = CliRunner().invoke(app, arguments, input="Un texte.")
    assert result.exit_code == MISUSED
    assert result.stderr == f"depeche: the lexicon can't be used: {FAULT}\n"
