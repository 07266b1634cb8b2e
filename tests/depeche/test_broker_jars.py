import hashlib
from pathlib import Path

import pytest

from depeche.broker.errors import BrokerError
from depeche.broker.jars import Distribution, Jar, read_distribution, sha256_of, wrong_jars
from depeche.broker.pin import render

KAFKA = Jar(group="org.example", artifact="kafka", version="1.0", sha256=hashlib.sha256(b"kafka").hexdigest(), size=5)
LOG = Jar(group="org.example", artifact="log", version="2.0-rc1", sha256=hashlib.sha256(b"log").hexdigest(), size=3)
BOTH = Distribution(version="1.0", jars=(KAFKA, LOG), left_out={"org.example:macros": "only for compilers"})


def test_the_shipped_list_is_apache_kafka_4_with_each_jar_once() -> None:
    shipped = read_distribution()
    names = [f"{jar.group}:{jar.artifact}" for jar in shipped.jars]
    assert shipped.version.startswith("4.")
    assert f"org.apache.kafka:kafka_2.13:{shipped.version}" in [jar.coordinate for jar in shipped.jars]
    assert len(names) == len(set(names))
    assert len({jar.file_name for jar in shipped.jars}) == len(names)
    assert not set(names) & set(shipped.left_out)
    assert all(shipped.left_out.values()), "what is left out has a reason"


def test_the_shipped_list_leaves_connect_streams_and_rocksdb_out() -> None:
    assert not [jar for jar in read_distribution().jars if any(word in jar.artifact for word in ("connect", "rocks"))]
    assert "kafka-streams" not in {jar.artifact for jar in read_distribution().jars}


def test_a_rendered_list_reads_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "kafka.toml"
    path.write_text(render(BOTH), encoding="utf-8")
    assert read_distribution(path) == BOTH


def test_a_list_knows_its_size() -> None:
    assert BOTH.size == 8


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "KeyError"),
        ("version = ", "TOMLDecodeError"),
        ('version = "1"\njars = []\n[left_out]\n', "lists no jars"),
        ('version = "1"\n[left_out]\n[[jars]]\ncoordinate = "a:b"\nsha256 = "00"\nbytes = 1\n', "a:b"),
        (render(BOTH).replace("bytes = 3", "bytes = -3"), "log"),
        (render(BOTH).replace("org.example:log", "../../evil:log"), "evil"),
        (render(BOTH).replace(LOG.sha256, "abc"), "log"),
        ('version = "1"\njars = 3\n[left_out]\n', "TypeError"),
    ],
)
def test_a_list_that_is_none_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "list.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BrokerError, match=rf"(?s)list\.toml.*{named}"):
        read_distribution(path)


def test_an_absent_list_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"nowhere\.toml"):
        read_distribution(tmp_path / "nowhere.toml")


def test_missing_and_damaged_jars_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / LOG.file_name).write_bytes(b"damaged")
    wrong = wrong_jars(tmp_path, BOTH)
    assert wrong[KAFKA] == "missing"
    assert wrong[LOG] == f"SHA-256 {hashlib.sha256(b'damaged').hexdigest()}"


def test_a_right_folder_has_nothing_wrong(tmp_path: Path) -> None:
    (tmp_path / KAFKA.file_name).write_bytes(b"kafka")
    (tmp_path / LOG.file_name).write_bytes(b"log")
    assert wrong_jars(tmp_path, BOTH) == {}


def test_the_digest_of_nothing_is_none(tmp_path: Path) -> None:
    assert sha256_of(tmp_path / "absent.jar") is None
