from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _alone(no_settings_of_the_machine: None) -> None:
    """Lets no test see the machine's settings."""
