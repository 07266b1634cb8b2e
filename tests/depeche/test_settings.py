from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from depeche.settings import Settings, SettingsError, load, show, stray_variables, variable
from depeche.settings_table import markdown, rows_of

ROOT = Path(__file__).resolve().parents[2]


class WithSecret(Settings):
    password: SecretStr = Field(
        SecretStr(""),
        title="Password",
        description="A secret.",
        min_length=8,
        json_schema_extra={"allowed": "a secret"},
    )


def test_defaults_are_valid_and_say_that_they_are_defaults() -> None:
    loaded = load()
    assert set(loaded.sources.values()) == {"default"}
    assert loaded.settings.metrics_host == "127.0.0.1"
    assert loaded.file is None


def test_the_command_line_beats_the_environment_beats_the_file_beats_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "my.toml"
    file.write_text('prefix = "f"\nworkers = 2\npartitions = 3\n')
    monkeypatch.setenv("DEPECHE_PREFIX", "e")
    monkeypatch.setenv("DEPECHE_WORKERS", "5")
    loaded = load(file, options={"prefix": "c"})
    assert (loaded.settings.prefix, loaded.settings.workers, loaded.settings.partitions) == ("c", 5, 3)
    assert loaded.sources["prefix"] == "command line"
    assert loaded.sources["workers"] == "environment DEPECHE_WORKERS"
    assert loaded.sources["partitions"] == f"file {file}"
    assert loaded.sources["data"] == "default"


def test_the_file_is_found_in_the_working_folder_or_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("depeche.toml").write_text("workers = 2\n")
    assert load().settings.workers == 2
    other = tmp_path / "other.toml"
    other.write_text("workers = 3\n")
    monkeypatch.setenv("DEPECHE_SETTINGS", str(other))
    assert load().settings.workers == 3
    assert load(Path("depeche.toml")).settings.workers == 2


def test_relative_paths_in_a_file_start_at_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "my.toml").write_text('data = "here"\ndrops = ["in", "/abs"]\n')
    settings = load(folder / "my.toml").settings
    assert settings.data == folder / "here"
    assert settings.drops == (folder / "in", Path("/abs"))


def test_several_paths_in_a_variable_are_separated_as_in_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPECHE_DROPS", "/a b:/c")
    assert load().settings.drops == (Path("/a b"), Path("/c"))
    assert show(load().settings.drops) == "/a b:/c"


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPECHE_WORKERS", "")
    assert load().settings.workers == 1


@pytest.mark.parametrize(
    ("name", "value", "reason", "allowed"),
    [
        ("partitions", "many", "valid integer", "a whole number from 1 to 1000"),
        ("partitions", "0", "greater than or equal to 1", "a whole number from 1 to 1000"),
        ("bootstrap", "localhost", "no broker address", "host:port"),
        ("prefix", "with space", "topic prefix", "letters, digits"),
        ("poll_seconds", "nan", "finite", "from 10 to 604800"),
        ("poll_seconds", "1", "greater than or equal to 10", "from 10 to 604800"),
        ("log_level", "loud", "'DEBUG', 'INFO'", "WARNING or ERROR"),
        ("poll_feeds", "perhaps", "valid boolean", "true or false"),
        ("worker_port", "70000", "less than or equal to 65535", "0 to 65535"),
        ("contact", "é\x07", "pattern", "printable ASCII"),
    ],
)
def test_an_error_names_setting_source_reason_and_what_is_allowed(
    name: str, value: str, reason: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(name), value)
    with pytest.raises(SettingsError) as caught:
        load()
    message = str(caught.value)
    assert message.startswith(f"{name} (environment {variable(name)}): ")
    assert reason in message
    assert allowed in message.partition("Allowed: ")[2]


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPECHE_WORKERS", "0")
    Path("depeche.toml").write_text("partitions = 0\n")
    with pytest.raises(SettingsError) as caught:
        load()
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "partitions (file depeche.toml)",
        "workers (environment DEPECHE_WORKERS)",
    ]


def test_an_unknown_key_is_named_with_the_nearest_setting() -> None:
    Path("depeche.toml").write_text("partition = 3\n")
    with pytest.raises(SettingsError, match=r"partition \(file depeche.toml\).*did you mean partitions\?"):
        load()


@pytest.mark.parametrize(
    ("content", "reason"), [(b"a = = 1", "no valid TOML"), (b"\xff\xfe", "no valid TOML"), (None, "No such file")]
)
def test_an_unreadable_file_is_named(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"settings file {path}: {reason}"):
        load(path)


def test_variables_that_set_nothing_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPECHE_WORKER", "2")
    monkeypatch.setenv("DEPECHE_WORKERS", "2")
    monkeypatch.setenv("DEPECHE_SETTINGS", "")
    assert stray_variables() == ("DEPECHE_WORKER",)


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPECHE_PASSWORD", "correct horse")
    loaded = load(model=WithSecret)
    row = next(row for row in rows_of(loaded) if row.name == "password")
    assert row.value == "********"
    assert "horse" not in repr(loaded)
    monkeypatch.setenv("DEPECHE_PASSWORD", "horse")
    with pytest.raises(SettingsError) as caught:
        load(model=WithSecret)
    assert "password (environment DEPECHE_PASSWORD)" in str(caught.value)
    assert "horse" not in str(caught.value)


def test_every_setting_is_documented() -> None:
    for row in rows_of(load()):
        assert row.title, row.name
        assert row.description.endswith("."), row.name
        assert row.allowed, row.name


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_what_is_shown_can_be_set_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = getattr(load().settings, name)
    monkeypatch.setenv(variable(name), show(value))
    assert getattr(load().settings, name) == value


def test_the_documentation_holds_the_table_of_settings() -> None:
    assert markdown() in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
