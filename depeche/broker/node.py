"""What a Kafka node is told: its settings as values, and the texts made from them. Pure: reads and writes nothing.

One combined node (broker and controller) by default; several nodes form a cluster when each is given the same voters.
All paths are relative to the node's folder, which is the working directory of its process: no path of the user's, with
whatever characters, enters a properties file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from depeche.broker.ports import LOOPBACK
from depeche.broker.security import ListenerSecurity

DATA = "data"
LOGS = "logs"
PROPERTIES = "server.properties"
LOG4J = "log4j2.properties"
SERVER_LOG = f"{LOGS}/kafka.log"

LARGEST_RECORD_BYTES = 32 * 2**20
"""The largest record that producers may send, in bytes."""

_BATCH_OVERHEAD_BYTES = 2**20
_UNSAFE_MEMORY_WARNS_FROM = 23
_NATIVE_ACCESS_WARNS_FROM = 24


@dataclass(frozen=True)
class Voter:
    """A node that takes part in the metadata quorum.

    Attributes:
        node_id: Its id.
        port: Its controller port on loopback.
    """

    node_id: int
    port: int


@dataclass(frozen=True)
class NodeSettings:
    """All that makes one node different from another.

    Attributes:
        node_id: Unique in the cluster, from 1.
        client_port: Where clients connect, on loopback, and other brokers unless the listener is secured.
        controller_port: Where controllers and brokers talk about metadata, on loopback.
        voters: All controllers of the cluster; empty means this node alone.
        replication: Copies of each internal topic, and of topics created without a number of their own.
        least_in_sync: Copies that must have a record before ``acks=all`` is answered.
        internal_partitions: Partitions of each of Kafka's internal topics.
        flush_milliseconds: Records reach the disk, not only the operating system, within this time.
        security: What clients must show; None lets everyone in, in plaintext.
        broker_port: Where other brokers connect if the clients' listener is secured, on loopback, in plaintext.
    """

    client_port: int
    controller_port: int
    node_id: int = 1
    voters: tuple[Voter, ...] = ()
    replication: int = 1
    least_in_sync: int = 1
    internal_partitions: int = 4
    flush_milliseconds: int = 1000
    security: ListenerSecurity | None = None
    broker_port: int = 0

    @property
    def address(self) -> str:
        """Host and port for clients."""
        return f"{LOOPBACK}:{self.client_port}"

    @property
    def inner_port(self) -> int:
        """Where the other brokers connect, and we ask without credentials."""
        return self.client_port if self.security is None else self.broker_port

    @property
    def inner_address(self) -> str:
        """Host and port where the other brokers connect."""
        return f"{LOOPBACK}:{self.inner_port}"


def server_properties(settings: NodeSettings) -> str:
    """The node's ``server.properties``.

    Names and meanings: https://kafka.apache.org/documentation/#brokerconfigs.
    """
    voters = settings.voters or (Voter(settings.node_id, settings.controller_port),)
    listeners = {"CLIENT": (settings.client_port, "PLAINTEXT")}
    if settings.security is not None:
        listeners = {
            "CLIENT": (settings.client_port, settings.security.protocol),
            "BROKERS": (settings.broker_port, "PLAINTEXT"),
        }
    reached = ",".join(f"{name}://{LOOPBACK}:{port}" for name, (port, _) in listeners.items())
    largest_batch = LARGEST_RECORD_BYTES + _BATCH_OVERHEAD_BYTES
    properties: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": settings.node_id,
        # Voters by configuration, not in the metadata log: the controller's port may change between two starts.
        "controller.quorum.voters": ",".join(f"{voter.node_id}@{LOOPBACK}:{voter.port}" for voter in voters),
        "listeners": f"{reached},CONTROLLER://{LOOPBACK}:{settings.controller_port}",
        "advertised.listeners": reached,
        "listener.security.protocol.map": ",".join(
            f"{name}:{protocol}" for name, (_, protocol) in [*listeners.items(), ("CONTROLLER", (0, "PLAINTEXT"))]
        ),
        "inter.broker.listener.name": "CLIENT" if settings.security is None else "BROKERS",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": DATA,
        # Topics are created by the project with the settings that their contents need, never by accident.
        "auto.create.topics.enable": "false",
        "default.replication.factor": settings.replication,
        "min.insync.replicas": settings.least_in_sync,
        "offsets.topic.num.partitions": settings.internal_partitions,
        "offsets.topic.replication.factor": settings.replication,
        "transaction.state.log.num.partitions": settings.internal_partitions,
        "transaction.state.log.replication.factor": settings.replication,
        "transaction.state.log.min.isr": settings.least_in_sync,
        "share.coordinator.state.topic.num.partitions": settings.internal_partitions,
        "share.coordinator.state.topic.replication.factor": settings.replication,
        "share.coordinator.state.topic.min.isr": settings.least_in_sync,
        # After a crash a node may come back only when its old session has run out: 3 s instead of 9 s.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # A group starts at once instead of waiting 3 s for more members.
        "group.initial.rebalance.delay.ms": 0,
        # A group that was stopped for a holiday goes on where it was: a year instead of a week.
        "offsets.retention.minutes": 365 * 24 * 60,
        # What is kept, and how long, is each topic's own setting; by default nothing is deleted behind our back.
        "log.retention.ms": -1,
        "log.segment.bytes": 64 * 2**20,
        "log.flush.interval.ms": settings.flush_milliseconds,
        "log.flush.scheduler.interval.ms": settings.flush_milliseconds,
        "message.max.bytes": largest_batch,
        "replica.fetch.max.bytes": largest_batch,
        # Threads and buffers for a machine that is shared with the work itself.
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "log.cleaner.threads": 1,
        "log.cleaner.dedupe.buffer.size": 16 * 2**20,
    }
    if settings.security is not None:
        properties |= settings.security.properties("CLIENT")
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def log4j_properties() -> str:
    """Log4j's configuration: one file, five older ones of 10 MB each; errors of Log4j itself go to the console."""
    return f"""\
status = error
# Kafka's own shutdown still logs after the JVM has begun to end.
shutdownHook = disable
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {SERVER_LOG}
appender.file.filePattern = {SERVER_LOG}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}} %p %m (%c)%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 5
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
# A thousand lines at each start that say what {PROPERTIES} says.
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = warn
logger.values.name = kafka.server.KafkaConfig
logger.values.level = warn
"""


def server_command(java: Path, java_major: int, jars: Sequence[Path], heap_megabytes: int) -> list[str]:
    """The command that runs the node in the foreground, from its folder.

    Args:
        java: The ``java`` program.
        java_major: Its feature release.
        jars: The class path.
        heap_megabytes: Upper bound of the Java heap.
    """
    return [
        *_java_command(java, java_major, jars),
        f"-Xmx{heap_megabytes}m",
        # Gone is better than half alive: whoever watches the process restarts it.
        "-XX:+ExitOnOutOfMemoryError",
        f"-XX:ErrorFile={LOGS}/java-crash-%p.log",
        # Each thread would keep a buffer as large as the largest record outside of the heap.
        "-Djdk.nio.maxCachedBufferSize=262144",
        f"-Dlog4j2.configurationFile={LOG4J}",
        "kafka.Kafka",
        PROPERTIES,
    ]


def format_command(
    java: Path, java_major: int, jars: Sequence[Path], cluster_id: str, properties: str, *, users: Sequence[str] = ()
) -> list[str]:
    """The command that prepares an empty data folder with Kafka's own storage tool.

    Args:
        java: The ``java`` program.
        java_major: Its feature release.
        jars: The class path.
        cluster_id: 16 bytes in URL-safe base64 without padding; the same for all nodes of a cluster.
        properties: Name of the properties file, relative to the node's folder.
        users: The tool's arguments that write users, see :meth:`ListenerSecurity.scram_users`.
    """
    return [
        *_java_command(java, java_major, jars),
        "kafka.tools.StorageTool",
        "format",
        "--cluster-id",
        cluster_id,
        "--config",
        properties,
        *users,
    ]


def _java_command(java: Path, java_major: int, jars: Sequence[Path]) -> list[str]:
    command = [
        str(java),
        # Both start sooner and take less memory; a broker for one machine lives from the page cache, not from the JIT.
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Djava.awt.headless=true",
        "-Dfile.encoding=UTF-8",
    ]
    if java_major >= _UNSAFE_MEMORY_WARNS_FROM:
        command.append("--sun-misc-unsafe-memory-access=allow")
    if java_major >= _NATIVE_ACCESS_WARNS_FROM:
        command.append("--enable-native-access=ALL-UNNAMED")
    return [*command, "-cp", ":".join(str(jar) for jar in jars)]
