from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from deploy.audit_dependencies import audit, judge

SOUND = {"name": "idna", "version": "3.7", "vulns": []}
SKIPPED = {"name": "ours", "skip_reason": "Dependency not found"}
HOLE: dict[str, Any] = {
    "name": "lxml",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": ["CVE-1"], "description": "…"}],
}


def answering(folder: Path, text: str, code: int = 0, error: str = "") -> list[str]:
    """A program that answers as pip-audit might."""
    program = folder / "audit.py"
    program.write_text(
        f"import sys; sys.stdout.write({text!r}); sys.stderr.write({error!r}); sys.exit({code})", encoding="utf-8"
    )
    return [sys.executable, str(program)]


def test_a_known_vulnerability_fails_and_is_named_with_its_cure() -> None:
    verdict = judge("a.lock", {"dependencies": [SOUND, HOLE]})
    assert verdict.code == 1
    assert "lxml 1.0: PYSEC-1 (CVE-1), mended in 1.1" in verdict.lines


def test_sound_packages_pass_and_what_was_not_audited_is_named() -> None:
    verdict = judge("a.lock", {"dependencies": [SOUND, SKIPPED]})
    assert verdict.code == 0
    assert verdict.lines[0] == "a.lock: 1 of 2 packages audited, 0 known vulnerabilities"
    assert "not audited: ours (Dependency not found)" in verdict.lines[-1]


def test_a_service_that_knows_nothing_is_no_clean_bill() -> None:
    reports: list[dict[str, Any]] = [{"dependencies": [SKIPPED, SKIPPED]}, {"dependencies": []}]
    for report in reports:
        verdict = judge("a.lock", report)
        assert verdict.code == 0
        assert "NOT AUDITED" in verdict.lines[0]


def test_a_service_that_is_away_is_told_and_fails_nothing(tmp_path: Path) -> None:
    away = audit("a.lock", answering(tmp_path, "", 1, "Traceback\nConnectionError: no route\n"))
    assert away.code == 0
    assert away.lines == (
        "a.lock: NOT AUDITED, the service of known vulnerabilities can't be asked: ConnectionError: no route",
    )
    assert "can't be started" in audit("a.lock", [str(tmp_path / "absent")]).lines[0]


def test_pip_audits_own_answer_is_read(tmp_path: Path) -> None:
    verdict = audit("a.lock", answering(tmp_path, json.dumps({"dependencies": [HOLE], "fixes": []}), 1))
    assert verdict.code == 1
