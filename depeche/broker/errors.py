"""What can go wrong with the embedded broker, as one tree of exceptions.

Every message names what failed and how to mend it, because it is read by someone who only typed one command.
"""


class BrokerError(Exception):
    """The embedded broker can't do what was asked; the message says why, and what to do."""


class JavaNotFoundError(BrokerError):
    """No Java runtime that Apache Kafka accepts was found on this machine."""


class JarsUnavailableError(BrokerError):
    """The jars of Apache Kafka are neither in the cache nor could be fetched."""


class ChecksumMismatchError(JarsUnavailableError):
    """A fetched jar is not the pinned one: its SHA-256 differs."""


class FolderInUseError(BrokerError):
    """Another process runs a broker on the same data folder."""


class PortInUseError(BrokerError):
    """The port asked for is taken by another process."""


class BrokerExitedError(BrokerError):
    """The broker's process ended before it answered; the message carries the end of its log."""


class BrokerTimeoutError(BrokerError):
    """The broker did not answer within the time given."""
