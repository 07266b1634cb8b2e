"""The embedded broker: Apache Kafka, one KRaft node, as a child process with a data folder that persists.

It starts, tells its address, stops. It does not create topics, watch the broker, or restart it when it dies: the
supervisor does, who sees :attr:`EmbeddedBroker.alive`. How a node runs is in :mod:`depeche.broker.process`.
"""

import logging
import random
from pathlib import Path
from types import TracebackType
from typing import Self

from depeche.broker.cluster_note import new_cluster_id
from depeche.broker.errors import PortInUseError
from depeche.broker.fetch import Say
from depeche.broker.folder import Ports, remember_ports, remembered_ports
from depeche.broker.node import NodeSettings
from depeche.broker.ports import LOOPBACK, is_free, pick
from depeche.broker.process import KafkaNode
from depeche.broker.security import ListenerSecurity

_log = logging.getLogger(__name__)


class EmbeddedBroker(KafkaNode):
    """Apache Kafka as a child process.

    Listens on loopback only, without authentication unless told otherwise: whoever has an account on the machine can
    reach it. One thread at a time may call its methods.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path | None = None,
        port: int | None = None,
        heap_megabytes: int = 384,
        say: Say = _log.info,
        security: ListenerSecurity | None = None,
    ) -> None:
        """Only takes notes; :meth:`start` does the work.

        Args:
            folder: Where records, settings and logs are kept from one start to the next; made if absent.
            cache: Where the jars are kept, a folder for each version of Kafka; by default in the user's cache folder.
            port: The port for clients. By default that of the last start if it is still free, else a free one.
            heap_megabytes: Upper bound of the Java heap.
            say: Told, a line at a time, what is being done.
            security: What clients must show, for tests of clients.
        """
        super().__init__(folder, self._alone, new_cluster_id, cache=cache, heap_megabytes=heap_megabytes, say=say)
        self._port = port
        self._security = security

    def start(self, timeout: float = 90.0) -> str:
        """Starts the broker and waits until it answers; does nothing where it runs already.

        The first start on a machine fetches Apache Kafka, which the timeout does not count.

        Args:
            timeout: Seconds until the broker must answer.

        Returns:
            The address, ``127.0.0.1:PORT``.

        Raises:
            BrokerError: It can't be started; the subclass and the message say why.
        """
        address = super().start(timeout)
        settings = self.settings
        ports = Ports(client=settings.client_port, controller=settings.controller_port, brokers=settings.broker_port)
        remember_ports(self.folder, ports)
        return address

    def __enter__(self) -> Self:
        """Starts the broker."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the broker."""
        self.stop()

    def _alone(self) -> NodeSettings:
        ports = self._choose_ports()
        return NodeSettings(
            client_port=ports.client,
            controller_port=ports.controller,
            security=self._security,
            broker_port=ports.brokers,
        )

    def _choose_ports(self) -> Ports:
        chance = random.Random()
        last = remembered_ports(self.folder)
        if self._port is not None:
            if not is_free(self._port):
                raise PortInUseError(
                    f"Port {self._port} on {LOOPBACK} is taken by another process. Stop that one, or let the embedded "
                    "broker choose a port of its own."
                )
            client = self._port
        elif last is not None and is_free(last.client):
            client = last.client
        else:
            client = pick(chance)
            if last is not None:
                self._say(f"Port {last.client} of the last start is taken: using {client}")
        controller = last.controller if last is not None else 0
        if not controller or controller == client or not is_free(controller):
            controller = pick(chance, taken={client})
        brokers = 0
        if self._security is not None:
            brokers = last.brokers if last is not None else 0
            if not brokers or brokers in (client, controller) or not is_free(brokers):
                brokers = pick(chance, taken={client, controller})
        return Ports(client=client, controller=controller, brokers=brokers)
