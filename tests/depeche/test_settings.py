from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import Field, SecretStr, ValidationError

from depeche.access import configured_access
from depeche.settings import Settings, SettingsError, load, show, stray_variables, variable
from depeche.settings_table import as_environment, as_json, markdown, rows_of

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


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "password"
    secret.write_text("correct horse\n")
    monkeypatch.setenv("DEPECHE_PASSWORD_FILE", str(secret))
    loaded = load(model=WithSecret)
    assert isinstance(loaded.settings, WithSecret)
    assert loaded.settings.password.get_secret_value() == "correct horse"
    assert loaded.sources["password"] == f"file {secret}, named by DEPECHE_PASSWORD_FILE"
    assert stray_variables(WithSecret) == ()


def test_a_settings_file_names_a_secrets_file_relative_to_itself(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "token").write_text("0123456789abcdef\r\n")
    (tmp_path / "etc" / "my.toml").write_text('push_token_file = "token"\n')
    assert load(tmp_path / "etc" / "my.toml").settings.push_token.get_secret_value() == "0123456789abcdef"


def test_the_environments_secret_comes_before_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("of-a-secret-file-1")
    (tmp_path / "my.toml").write_text('push_token = "of-the-settings-file-1"\n')
    monkeypatch.setenv("DEPECHE_PUSH_TOKEN_FILE", str(tmp_path / "token"))
    assert load(tmp_path / "my.toml").settings.push_token.get_secret_value() == "of-a-secret-file-1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff" * 20, "is not UTF-8"),
        (b"horse" * 10_000, "too large for a secret"),
    ],
)
def test_a_secrets_file_that_can_not_be_used_is_named_and_not_shown(
    content: bytes | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "password"
    if content is not None:
        secret.write_bytes(content)
    monkeypatch.setenv("DEPECHE_KAFKA_PASSWORD_FILE", str(secret))
    with pytest.raises(SettingsError) as caught:
        load()
    assert str(caught.value).startswith("kafka_password (DEPECHE_KAFKA_PASSWORD_FILE): ")
    assert reason in str(caught.value)
    assert "horse" not in str(caught.value)


def test_a_secret_given_twice_in_one_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("battery")
    monkeypatch.setenv("DEPECHE_KAFKA_PASSWORD", "horse")
    monkeypatch.setenv("DEPECHE_KAFKA_PASSWORD_FILE", str(tmp_path / "password"))
    with pytest.raises(SettingsError, match="kafka_password is given twice") as caught:
        load()
    assert "horse" not in str(caught.value)
    assert "battery" not in str(caught.value)


def test_a_settings_file_that_is_no_toml_shows_nothing_of_itself(tmp_path: Path) -> None:
    for content in (
        'kafka_password = "staple',
        "kafka_password = staple\n",
        "'staple' = \n",
        '"staple" = 1\n"staple" = 2',
    ):
        (tmp_path / "x.toml").write_text(content)
        with pytest.raises(SettingsError, match="no valid TOML") as caught:
            load(tmp_path / "x.toml")
        assert "staple" not in str(caught.value)


SASL = {"bootstrap": "k:1", "kafka_protocol": "sasl_ssl", "kafka_username": "u", "kafka_password": "battery staple"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (SASL | {"kafka_username": ""}, ["SASL_SSL, which needs kafka_username (DEPECHE_KAFKA_USERNAME)"]),
        (
            {"bootstrap": "k:1", "kafka_protocol": "SASL_PLAINTEXT"},
            ["needs kafka_username", "needs kafka_password (DEPECHE_KAFKA_PASSWORD)"],
        ),
        (SASL | {"bootstrap": ""}, ["set bootstrap (DEPECHE_BOOTSTRAP)"]),
        (SASL | {"kafka_protocol": "SSL"}, ["kafka_username is set", "kafka_password is set"]),
        (
            {"bootstrap": "k:1", "kafka_ca_file": "ca.pem"},
            ["kafka_ca_file is set, and kafka_protocol (DEPECHE_KAFKA_PROTOCOL) is PLAINTEXT"],
        ),
        (
            {"bootstrap": "k:1", "kafka_protocol": "SSL", "kafka_key_file": "key.pem", "kafka_key_password": "staple"},
            ["kafka_key_file is set, and kafka_certificate_file", "kafka_key_password is set, and"],
        ),
    ],
)
def test_kafka_settings_that_do_not_fit_together_are_all_named(given: dict[str, str], told: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(options=dict(given))
    lines = str(caught.value).splitlines()
    assert len(lines) == len(told)
    for line, words in zip(lines, told, strict=True):
        assert words in line
    assert "staple" not in str(caught.value)


def test_access_is_made_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(
        'kafka_ca_file = "ca.pem"\nkafka_certificate_file = "/c.pem"\nkafka_key_file = ""\n'
    )
    access = configured_access(load(tmp_path / "my.toml", options=dict(SASL)).settings)
    assert (access.bootstrap, access.protocol, access.mechanism) == ("k:1", "SASL_SSL", "SCRAM-SHA-512")
    assert (access.username, access.password) == ("u", "battery staple")
    assert (access.ca_file, access.certificate_file, access.key_file) == (tmp_path / "ca.pem", Path("/c.pem"), None)


def test_settings_in_no_form_show_their_secrets() -> None:
    loaded = load(
        options={
            **SASL,
            "kafka_certificate_file": "c.pem",
            "kafka_key_password": "staple-of-the-key",
            "push_token": "staple-of-the-way-in",
            "proxy": "http://me:staple@proxy.example:3128",
        }
    )
    rows = rows_of(loaded)
    forms = [repr(loaded), str(loaded.settings), as_json(rows), as_environment(rows), loaded.settings.model_dump_json()]
    assert [form for form in forms if "staple" in form or "me:" in form] == []
    assert {row.name: row.value for row in rows}["proxy"] == "http://********@proxy.example:3128"
    with pytest.raises(SettingsError) as caught:
        load(options={"proxy": "https://me:staple@proxy.example"})
    assert "staple" not in str(caught.value)


@pytest.mark.parametrize("password", ["sta/ple", "sta?ple", "sta#ple", "/staple"])
def test_a_proxys_password_that_would_end_its_host_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(SettingsError, match="%2F") as caught:
        load(options={"proxy": f"http://me:{password}@proxy.example:3128"})
    assert password not in str(caught.value)
    written = f"http://me:{quote(password, safe='')}@proxy.example:3128"
    assert load(options={"proxy": written}).settings.proxy.get_secret_value() == written


def test_pydantics_own_error_shows_no_secret() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(push_token="staple", workers=0, **SASL)  # type: ignore[arg-type]
    assert "staple" not in str(caught.value)


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
