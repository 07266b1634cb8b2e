"""What tests of several rooms stand on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Runs a test in an empty folder and without settings in the environment."""
    for name in [name for name in os.environ if name.startswith("DEPECHE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
