"""What tests of several rooms stand on.

Property tests don't judge how long an example takes: a busy machine is no fault of the code's. `@given` takes the
profile that is loaded when it decorates, so it is loaded here, before any test is imported.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("no deadline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no deadline")


@pytest.fixture
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Runs a test in an empty folder and without settings in the environment."""
    for name in [name for name in os.environ if name.startswith("DEPECHE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
