"""A cluster of Apache Kafka on one machine, for tests: what production has, small enough to be killed at will.

Each node is broker and controller, has a folder, ports and a process of its own, and dies with its parent. Ports and
the cluster's id are kept in the cluster's folder, so that a node comes back where clients and other nodes look for it.
It creates no topics and restarts nothing by itself.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from depeche.broker.cluster_note import ClusterNote, new_note, read_note, write_note
from depeche.broker.errors import BrokerError, BrokerTimeoutError, PortInUseError
from depeche.broker.fetch import Say
from depeche.broker.folder import lock
from depeche.broker.node import NodeSettings
from depeche.broker.ports import LOOPBACK, is_free
from depeche.broker.process import KafkaNode, installation, prepared_for
from depeche.broker.ready import speaks_kafka
from depeche.broker.security import ListenerSecurity
from schemas.access import KafkaAccess

_log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_FOR_A_QUESTION = 5.0
_FIRST_STARTS = 3
"""How often a new cluster picks other ports when somebody took the picked ones meanwhile."""

T = TypeVar("T")


class ClusterNode(KafkaNode):
    """One node of a cluster, which tests may stop, kill, hang and start."""

    def __init__(
        self,
        folder: Path,
        node_id: int,
        note: Callable[[], ClusterNote],
        *,
        cache: Path | None,
        heap_megabytes: int,
        say: Say,
        security: ListenerSecurity | None,
    ) -> None:
        """Only takes notes.

        Args:
            folder: The node's own folder.
            node_id: From 1.
            note: What the cluster remembers.
            cache: Where the jars are kept.
            heap_megabytes: Upper bound of the Java heap.
            say: Told what is being done.
            security: What clients must show.
        """
        super().__init__(
            folder, self._as_noted, lambda: note().cluster_id, cache=cache, heap_megabytes=heap_megabytes, say=say
        )
        self._node_id = node_id
        self._note = note
        self._security = security

    @property
    def node_id(self) -> int:
        """The node's id in the cluster, from 1."""
        return self._node_id

    @property
    def address(self) -> str:
        """``host:port`` for clients, the same over all starts.

        Raises:
            BrokerError: The cluster was never started.
        """
        return self._as_told().address

    @property
    def inner_address(self) -> str:
        """``host:port`` where the other brokers connect, and we ask without credentials.

        Raises:
            BrokerError: The cluster was never started.
        """
        return self._as_told().inner_address

    def _as_told(self) -> NodeSettings:
        return self._note().settings(self._node_id, self._security)

    def _as_noted(self) -> NodeSettings:
        settings = self._as_told()
        prepared, ours = prepared_for(self.folder), self._note().cluster_id
        if prepared not in (None, ours):
            raise BrokerError(f"The folder {self.folder} belongs to another cluster, {prepared} and not {ours}.")
        ports = {"clients": settings.client_port, "controllers": settings.controller_port}
        for purpose, port in {**ports, "brokers": settings.inner_port}.items():
            if not is_free(port):
                raise PortInUseError(
                    f"Port {port} on {LOOPBACK}, where node {self._node_id} of the cluster serves {purpose}, is taken "
                    f"by another process. Clients and the other nodes look for the node there: stop that process."
                )
        return settings


class EmbeddedCluster:
    """Several nodes of Apache Kafka as child processes: replication 3, and 2 copies in sync for ``acks=all``.

    Listens on loopback only. One thread at a time may call its methods.
    """

    def __init__(
        self,
        folder: Path,
        *,
        nodes: int = 3,
        cache: Path | None = None,
        heap_megabytes: int = 320,
        say: Say = _log.info,
        security: ListenerSecurity | None = None,
    ) -> None:
        """Only takes notes; :meth:`start` does the work.

        Args:
            folder: Where each node's folder is kept from one start to the next; made if absent.
            nodes: How many; 3 survive the loss of any one.
            cache: Where the jars are kept; by default in the user's cache folder.
            heap_megabytes: Upper bound of each node's Java heap.
            say: Told, a line at a time, what is being done.
            security: What clients must show, for tests of clients.
        """
        if nodes < 1:
            raise ValueError(f"a cluster has at least one node, not {nodes}")
        self._folder = Path(folder).absolute()
        self._cache = cache
        self._say = say
        self._security = security
        self._remembered: ClusterNote | None = None
        self._nodes = tuple(
            ClusterNode(
                self._folder / f"node-{number}",
                number,
                self._note,
                cache=cache,
                heap_megabytes=heap_megabytes,
                say=say,
                security=security,
            )
            for number in range(1, nodes + 1)
        )

    @property
    def folder(self) -> Path:
        """Where the cluster keeps everything."""
        return self._folder

    @property
    def nodes(self) -> tuple[ClusterNode, ...]:
        """All nodes, running or not, in the order of their ids."""
        return self._nodes

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes, for clients.

        Raises:
            BrokerError: The cluster was never started.
        """
        return ",".join(node.address for node in self._nodes)

    @property
    def access(self) -> KafkaAccess:
        """The way in for clients.

        Raises:
            BrokerError: The cluster was never started.
        """
        return KafkaAccess(self.bootstrap) if self._security is None else self._security.access(self.bootstrap)

    def start(self, timeout: float = 120.0) -> str:
        """Starts the nodes that don't run, at once, and waits until all take part in the cluster.

        Args:
            timeout: Seconds until the cluster must be whole; fetching Apache Kafka the first time is not counted.

        Returns:
            The addresses of all nodes.

        Raises:
            BrokerError: It can't be started; the subclass and the message say why. No node is left running.
        """
        with lock(self._folder, patience=0):
            known = read_note(self._folder)
            if known is not None and len(known.ports) != len(self._nodes):
                raise BrokerError(
                    f"The folder {self._folder} holds a cluster of {len(known.ports)} nodes, not {len(self._nodes)}: "
                    "name another folder."
                )
            installation(self._cache, self._say)  # fetches once, not once for each node
            deadline = time.monotonic() + timeout
            for attempt in range(1, _FIRST_STARTS + 1):
                self._remembered = known or new_note(len(self._nodes), random.Random())
                try:
                    self._start_nodes(deadline)
                except PortInUseError:
                    if known is not None or attempt == _FIRST_STARTS:
                        raise
                else:
                    break
        self._wait(lambda: self.controller() is not None, deadline, "has no controller")
        return self.bootstrap

    def stop(self) -> None:
        """Stops all nodes, at once: controllers that wait for each other would take long one by one."""
        with ThreadPoolExecutor(len(self._nodes)) as threads:
            for done in [threads.submit(node.stop) for node in self._nodes]:
                done.result()

    def wait_until_in_sync(self, timeout: float = 120.0) -> None:
        """Waits until every partition of every topic has a leader and all its replicas in sync.

        Args:
            timeout: Seconds it may take.

        Raises:
            BrokerTimeoutError: It took longer; the message names partitions that lag.
        """
        deadline = time.monotonic() + timeout
        self._wait(self._metadata_reached_all, deadline, "has nodes that don't follow the controller")
        lagging: list[str] | None = None
        good = 0
        while good < 2:  # a node that was just told may have told us what it knew before
            lagging = self._ask(_lagging)
            good = good + 1 if lagging == [] else 0
            if time.monotonic() > deadline:
                named = "no node answers" if lagging is None else ", ".join(lagging[:10])
                raise BrokerTimeoutError(f"The cluster in {self._folder} is not in sync in time: {named}")
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def leader_of(self, topic: str, partition: int) -> int:
        """The id of the node that leads a partition; right after a node's death it may still be named.

        Args:
            topic: The topic.
            partition: The partition's number.

        Raises:
            BrokerTimeoutError: The partition has no leader, or no node tells.
        """
        leader = -1
        deadline = time.monotonic() + 30.0
        while leader < 0:
            answer = self._ask(lambda admin: _leader(admin, topic, partition))
            leader = -1 if answer is None else answer
            if leader < 0 and time.monotonic() > deadline:
                raise BrokerTimeoutError(f"Partition {partition} of {topic} has no leader")
        return leader

    def controller(self) -> int | None:
        """The id of the node that leads the metadata quorum; None while there is none, or no node tells."""
        return self._ask(_quorum_leader)

    def __enter__(self) -> Self:
        """Starts the cluster."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the cluster."""
        self.stop()

    def _note(self) -> ClusterNote:
        if self._remembered is None:
            raise BrokerError("The embedded cluster has no addresses yet: start it first.")
        return self._remembered

    def _start_nodes(self, deadline: float) -> None:
        started = [node for node in self._nodes if not node.alive]
        write_note(self._folder, self._note())
        with ThreadPoolExecutor(len(self._nodes)) as threads:
            try:
                done = [threads.submit(node.start, max(0.0, deadline - time.monotonic())) for node in started]
                finished, _ = wait(done, return_when=FIRST_EXCEPTION)
                failed = [future for future in finished if future.exception() is not None]
                # Where one could not start, another may have been stopped for it: the first has the reason.
                for future in failed:
                    future.result()
            except BaseException:
                for node in started:
                    node.kill()
                raise

    def _metadata_reached_all(self) -> bool:
        """Whether every node has metadata that is no older than this question."""
        quorum = self._ask(_quorum)
        if quorum is None:
            return False
        wanted = quorum["high_watermark"]
        give_up = time.monotonic() + _SECONDS_FOR_A_QUESTION
        while time.monotonic() < give_up:
            quorum = self._ask(_quorum)
            if quorum is not None and _reached(quorum, wanted) == len(self._nodes):
                return True
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return False

    def _wait(self, condition: Callable[[], bool], deadline: float, problem: str) -> None:
        while not condition():
            if time.monotonic() > deadline:
                raise BrokerTimeoutError(f"The cluster in {self._folder} {problem} within the time given")
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _ask(self, question: Callable[[Any], T]) -> T | None:
        """Puts a question to the nodes that answer; None where none does."""
        try:
            with self._admin() as admin:
                return question(admin)
        except (KafkaError, OSError):
            return None

    @contextmanager
    def _admin(self) -> Iterator[Any]:
        milliseconds = int(_SECONDS_FOR_A_QUESTION * 1000)
        answering = [node.inner_address for node in self._nodes if node.alive and _answers(node.inner_address)]
        if not answering:
            raise OSError("no node answers")
        admin = KafkaAdminClient(
            bootstrap_servers=answering,
            client_id="depeche-cluster",
            request_timeout_ms=milliseconds,
            bootstrap_timeout_ms=milliseconds,
        )
        try:
            yield admin
        finally:
            admin.close()


def _answers(address: str) -> bool:
    host, _, port = address.partition(":")
    return speaks_kafka(host, int(port), timeout=1.0)


def _quorum(admin: Any) -> dict[str, Any]:
    topic = admin.describe_metadata_quorum()["topics"][0]
    partition: dict[str, Any] = topic["partitions"][0]
    if partition["error"] is not None:
        raise OSError(partition["error"])
    return partition


def _quorum_leader(admin: Any) -> int | None:
    leader = int(_quorum(admin)["leader_id"])
    return leader if leader > 0 else None


def _reached(quorum: dict[str, Any], offset: int) -> int:
    return sum(voter["log_end_offset"] >= offset for voter in quorum["current_voters"])


def _lagging(admin: Any) -> list[str]:
    """The partitions that lack a leader or a replica in sync."""
    return [
        f"{topic['name']}/{partition['partition_index']} (in sync: {sorted(partition['isr_nodes'])})"
        for topic in admin.describe_topics()
        for partition in topic["partitions"]
        if partition["leader_id"] < 0 or set(partition["isr_nodes"]) != set(partition["replica_nodes"])
    ]


def _leader(admin: Any, topic: str, number: int) -> int:
    for described in admin.describe_topics([topic]):
        for partition in described["partitions"]:
            if partition["partition_index"] == number:
                return int(partition["leader_id"])
    return -1
