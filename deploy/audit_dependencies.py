"""Asks whether a vulnerability is known in what the lock installs: pip-audit, and what its answer is worth.

    python deploy/audit_dependencies.py requirements.lock

Exit code 1 where one is known. Where the service can't be asked (no network, a mirror that does not know it), that is
said in a line and the exit code is 0: a build does not hang on somebody else's server. Installs nothing and looks at
no package's code. Needs pip-audit in the interpreter's environment; `make audit-dependencies` sees to it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

AUDIT_SECONDS: Final = 300
_SHOWN_SKIPS: Final = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say, and the exit code."""

    lines: tuple[str, ...]
    code: int


def judge(lock: str, report: Mapping[str, Any]) -> Verdict:
    """Return what pip-audit's report (its JSON format) comes to.

    Raises:
        KeyError, TypeError, AttributeError: it is no such report.
    """
    dependencies = report["dependencies"]
    skipped = [f"{one['name']} ({one['skip_reason']})" for one in dependencies if "skip_reason" in one]
    found = [
        f"{one['name']} {one['version']}: {vulnerability['id']} "
        f"({', '.join(vulnerability['aliases']) or 'no other name'}), mended in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for one in dependencies
        for vulnerability in one.get("vulns", ())
    ]
    audited = len(dependencies) - len(skipped)
    if not audited:
        why = skipped[0] if skipped else "it names no package"
        return Verdict((f"{lock}: NOT AUDITED, the service of known vulnerabilities can't be asked: {why}",), 0)
    lines = [f"{lock}: {audited} of {len(dependencies)} packages audited, {len(found)} known vulnerabilities", *found]
    if skipped:
        more = f" and {len(skipped) - _SHOWN_SKIPS} more" if len(skipped) > _SHOWN_SKIPS else ""
        lines.append(f"{lock}: not audited: {', '.join(skipped[:_SHOWN_SKIPS])}{more}")
    return Verdict(tuple(lines), 1 if found else 0)


def not_audited(lock: str, reason: str) -> Verdict:
    """Return what is said where there is no report."""
    return Verdict((f"{lock}: NOT AUDITED, the service of known vulnerabilities can't be asked: {reason}",), 0)


def audit(lock: str, command: Sequence[str]) -> Verdict:
    """Run pip-audit on a lock file, whose hashes it is told to rely on, so that it resolves and installs nothing.

    Args:
        lock: the file.
        command: how pip-audit is called.
    """
    options = ["--requirement", lock, "--require-hashes", "--disable-pip", "--format", "json", "--timeout", "15"]
    try:
        answer = subprocess.run(  # noqa: S603 - pip-audit, with arguments of ours
            [*command, *options, "--progress-spinner", "off"],
            capture_output=True,
            text=True,
            check=False,
            timeout=AUDIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return not_audited(lock, f"no answer within {AUDIT_SECONDS} s")
    except OSError as exc:
        return not_audited(lock, f"pip-audit can't be started: {exc.strerror or exc}")
    try:
        return judge(lock, json.loads(answer.stdout))
    except (ValueError, KeyError, TypeError, AttributeError):
        said = [line for line in answer.stderr.splitlines() if line.strip()]
        return not_audited(lock, said[-1][:300] if said else f"pip-audit ended with exit code {answer.returncode}")


def main(locks: Sequence[str]) -> int:
    """Audit lock files; return the exit code."""
    verdicts = [audit(lock, [sys.executable, "-m", "pip_audit"]) for lock in locks]
    for line in (line for verdict in verdicts for line in verdict.lines):
        sys.stdout.write(f"{line}\n")
    return max((verdict.code for verdict in verdicts), default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
