"""Apache Kafka embedded: the same broker as in production, as a child process of whoever needs one.

Its public face is :class:`EmbeddedBroker` (start, address, stop), :class:`EmbeddedCluster` (several nodes, for tests)
and the tree of :class:`BrokerError`. It creates no topics and knows nothing of news.
"""

from depeche.broker.cluster import ClusterNode, EmbeddedCluster
from depeche.broker.embedded import EmbeddedBroker
from depeche.broker.errors import (
    BrokerError,
    BrokerExitedError,
    BrokerTimeoutError,
    ChecksumMismatchError,
    FolderInUseError,
    JarsUnavailableError,
    JavaNotFoundError,
    PortInUseError,
)
from depeche.broker.security import ListenerSecurity

__all__ = [
    "BrokerError",
    "BrokerExitedError",
    "BrokerTimeoutError",
    "ChecksumMismatchError",
    "ClusterNode",
    "EmbeddedBroker",
    "EmbeddedCluster",
    "FolderInUseError",
    "JarsUnavailableError",
    "JavaNotFoundError",
    "ListenerSecurity",
    "PortInUseError",
]
