from pathlib import Path

import pytest

from depeche.broker import BrokerError
from depeche.broker.process import prepared_for

GOOD = "#\ncluster.id=abcdefghijklmnopqrstuv\ndirectory.id=x\nnode.id=2\nversion=1\n"


def write(folder: Path, content: bytes) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "meta.properties").write_bytes(content)


def test_a_prepared_folder_names_its_cluster(tmp_path: Path) -> None:
    assert prepared_for(tmp_path) is None
    write(tmp_path, GOOD.encode())
    assert prepared_for(tmp_path) == "abcdefghijklmnopqrstuv"


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 80, b"\xff\xfe", b"cluster.id=\nnode.id=1\n", b"cluster.id=abcdefghijklmnopqrstuv\n"]
)
def test_a_damaged_folder_says_so(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, content)
    with pytest.raises(BrokerError, match=r"is damaged: .*meta\.properties"):
        prepared_for(tmp_path)


def test_a_note_that_is_a_folder_is_damage(tmp_path: Path) -> None:
    (tmp_path / "data" / "meta.properties").mkdir(parents=True)
    with pytest.raises(BrokerError, match="is damaged"):
        prepared_for(tmp_path)
