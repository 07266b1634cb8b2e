"""The data folder of one broker: its lock, and what it remembers.

Knows nothing of Kafka. The lock is the kernel's (flock): it is held through an open file that the broker's process
inherits, so it lasts exactly as long as the broker and a killed one leaves none behind.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from depeche.broker.errors import BrokerError, FolderInUseError

_LOCK = "broker.lock"
_PORTS = "ports.json"
_SECONDS_BETWEEN_LOOKS = 0.05
_LONGEST_LOOK_BYTES = 1_000_000
_ERROR = re.compile(r"^\S+ (?:ERROR|FATAL) |^(?:Caused by: )?[\w.$]+(?:Exception|Error)\b|^(?:Error|#|\[error)")
"""Log4j's lines of these levels, exceptions at the start of a line, and what a JVM says that can't start or crashed."""


@dataclass(frozen=True)
class Ports:
    """Where a broker listens.

    Attributes:
        client: The port for clients.
        controller: The port for metadata.
        brokers: The port for other brokers; 0 where they use that for clients.
    """

    client: int
    controller: int
    brokers: int = 0

    def __post_init__(self) -> None:
        used = [self.client, self.controller, *([self.brokers] if self.brokers else [])]
        if len(set(used)) < len(used) or not all(0 < port < 2**16 for port in used):
            raise ValueError(f"these are not the ports of a broker: {used}")

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> Self:
        """Reads what :meth:`note` wrote.

        Raises:
            ValueError, KeyError, TypeError: That is not what it wrote.
        """
        return cls(client=int(note["client"]), controller=int(note["controller"]), brokers=int(note.get("brokers", 0)))

    def note(self) -> dict[str, int]:
        """The ports as JSON has them."""
        return {"client": self.client, "controller": self.controller, "brokers": self.brokers}


def lock(folder: Path, patience: float) -> IO[str]:
    """Locks a folder for one broker.

    Args:
        folder: The folder; it is made if absent.
        patience: Seconds to wait for a broker that is ending because its own parent is gone. A broker whose parent
            lives is not waited for.

    Returns:
        The open lock file. The lock ends when every copy of it, in every process, is closed.

    Raises:
        FolderInUseError: Another broker runs on the folder; the message names its process.
        BrokerError: The folder can't be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _LOCK).open("a+", encoding="utf-8")
    except OSError as problem:
        raise BrokerError(
            f"The broker's folder {folder} can't be used: {problem}. Name a folder that this user may write."
        ) from problem
    give_up = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _owner(folder)
            if _lives(owner) or time.monotonic() > give_up:
                file.close()
                who = "another process" if owner is None else f"process {owner}"
                raise FolderInUseError(
                    f"The broker's folder {folder} is in use by {who}. Stop that one, or name another folder."
                ) from None
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        else:
            break
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def wait_until_unlocked(folder: Path, patience: float) -> None:
    """Waits until no broker holds a folder: a killed one does for as long as the kernel takes it apart.

    Args:
        folder: A folder that was locked before.
        patience: Seconds to wait at most; then the next to lock it is told who holds it.
    """
    give_up = time.monotonic() + patience
    with (folder / _LOCK).open("rb") as file:
        while time.monotonic() < give_up:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
            else:
                return


def remembered_ports(folder: Path) -> Ports | None:
    """The ports of the last start, or None where there was none (or its note is damaged: ports can be picked anew)."""
    try:
        note = json.loads((folder / _PORTS).read_text(encoding="utf-8"))
        return Ports.of(note)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember_ports(folder: Path, ports: Ports) -> None:
    """Keeps the ports for the next start."""
    replace_text(folder / _PORTS, json.dumps(ports.note()) + "\n")


def replace_text(path: Path, text: str, *, private: bool = False) -> None:
    """Writes a file so that a crash leaves the old or the new one, never half of one.

    Args:
        path: The file.
        text: What it shall hold.
        private: Whether only this user may read it.
    """
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600 if private else 0o666)
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def written_since(path: Path, size: int) -> list[str]:
    """The lines that a log has gained since it had a size; all of its end where it has begun anew since.

    Args:
        path: The log; it may be absent.
        size: Its size in bytes then.
    """
    try:
        with path.open("rb") as file:
            now = path.stat().st_size
            file.seek(max(size if size <= now else 0, now - _LONGEST_LOOK_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()]


def telling(lines: Sequence[str], count: int) -> list[str]:
    """Picks from a Java program's log the lines that tell why it ended.

    Args:
        lines: The log, or its end.
        count: How many lines at most.

    Returns:
        The first errors with their exceptions but without stack frames; the last lines where there is no error.
    """
    errors = [line for line in lines if _ERROR.search(line)]
    return errors[:count] if errors else list(lines[-count:])


def _owner(folder: Path) -> int | None:
    try:
        return int((folder / _LOCK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _lives(pid: int | None) -> bool:
    if pid is None or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
