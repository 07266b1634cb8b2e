"""What a cluster remembers from one start to the next: its id, and the ports where its nodes find each other."""

import base64
import json
import random
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from depeche.broker.errors import BrokerError
from depeche.broker.folder import Ports, replace_text
from depeche.broker.node import NodeSettings, Voter
from depeche.broker.ports import pick
from depeche.broker.security import ListenerSecurity

_NOTE = "cluster.json"
_CLUSTER_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}")


@dataclass(frozen=True)
class ClusterNote:
    """What a cluster remembers from one start to the next.

    Attributes:
        cluster_id: The id that all nodes' folders carry.
        ports: Each node's, in the order of their ids from 1.
    """

    cluster_id: str
    ports: tuple[Ports, ...]

    def settings(self, node_id: int, security: ListenerSecurity | None = None) -> NodeSettings:
        """What one node is told: every record on as many nodes as there are, up to 3, and all but one must have it."""
        own = self.ports[node_id - 1]
        replication = min(3, len(self.ports))
        return NodeSettings(
            client_port=own.client,
            controller_port=own.controller,
            node_id=node_id,
            voters=tuple(Voter(number, ports.controller) for number, ports in enumerate(self.ports, 1)),
            replication=replication,
            least_in_sync=max(1, replication - 1),
            security=security,
            broker_port=own.brokers,
        )


def new_cluster_id() -> str:
    """A random id for a cluster: 16 bytes in URL-safe base64 without padding."""
    # The first bit is 0, so that the id never starts with "-": Kafka's tool would take it for an option.
    number = bytes([secrets.randbelow(128)]) + secrets.token_bytes(15)
    return base64.urlsafe_b64encode(number).decode().rstrip("=")


def new_note(nodes: int, chance: random.Random) -> ClusterNote:
    """Picks an id and free ports for a new cluster."""
    taken: set[int] = set()
    for _ in range(3 * nodes):
        taken.add(pick(chance, taken))
    picked = sorted(taken)
    return ClusterNote(new_cluster_id(), tuple(Ports(*picked[3 * at : 3 * at + 3]) for at in range(nodes)))


def read_note(folder: Path) -> ClusterNote | None:
    """What the cluster in a folder remembers; None where there was none.

    Raises:
        BrokerError: The note is damaged. Ports could be picked anew, but the nodes' folders belong to one cluster id.
    """
    path = folder / _NOTE
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        ports = tuple(Ports.of(own) for own in note["nodes"])
        cluster_id = str(note["cluster_id"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BrokerError(_damaged(path, f"{type(problem).__name__}: {problem}")) from problem
    numbers = [number for own in ports for number in (own.client, own.controller, own.brokers)]
    if not ports or 0 in numbers or len(set(numbers)) < len(numbers):
        raise BrokerError(_damaged(path, f"these are not the ports of a cluster: {numbers}"))
    if not _CLUSTER_ID.fullmatch(cluster_id):
        raise BrokerError(_damaged(path, f"{cluster_id!r} is not a cluster's id"))
    return ClusterNote(cluster_id, ports)


def write_note(folder: Path, note: ClusterNote) -> None:
    """Keeps the note for the next start."""
    nodes = [own.note() for own in note.ports]
    replace_text(folder / _NOTE, json.dumps({"cluster_id": note.cluster_id, "nodes": nodes}, indent=1) + "\n")


def _damaged(path: Path, reason: str) -> str:
    return f"The cluster's note {path} is damaged ({reason}). Remove the folder {path.parent} to begin anew."
