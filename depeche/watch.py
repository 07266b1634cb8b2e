"""A thread that looks at the running pieces: says when each is ready, and what comes in and goes out."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Mapping
from typing import Self
from urllib.parse import urlsplit

from depeche.reader import ReaderError
from depeche.status import read_status
from schemas.access import KafkaAccess

_LOOK_SECONDS = 1.0
_STATUS_SECONDS = 5.0
_ANSWER_SECONDS = 2.0


class Watch:
    """Looks until it is closed. Use it as a context manager."""

    def __init__(
        self,
        access: KafkaAccess,
        prefix: str,
        urls: Mapping[str, str],
        *,
        say: Callable[[str], None],
        set_status: Callable[[str], None],
    ) -> None:
        """Start to look.

        Args:
            access: the brokers, and how to get in.
            prefix: of the topics.
            urls: base URLs of metrics and health, by process.
            say: prints a line.
            set_status: shows the current state.
        """
        self._access = access
        self._prefix = prefix
        self._urls = urls
        self._say = say
        self._set_status = set_status
        self._stop = threading.Event()
        self._ready: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking. Safe to call twice."""
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _run(self) -> None:
        since_status = _STATUS_SECONDS
        while not self._stop.wait(_LOOK_SECONDS):
            self._look_at_health()
            since_status += _LOOK_SECONDS
            if since_status >= _STATUS_SECONDS and not self._stop.is_set():
                since_status = 0.0
                self._look_at_topics()

    def _look_at_health(self) -> None:
        before = set(self._ready)
        for name, url in self._urls.items():
            if self._stop.is_set():
                return
            ready = is_ready(url)
            if ready and name not in self._ready:
                self._ready.add(name)
                self._say(f"{name:<13} is ready")
            elif not ready and name in self._ready:
                self._ready.discard(name)
                self._say(f"{name:<13} is no longer ready")
        if self._ready == set(self._urls) and before != self._ready:
            self._say("ready         everything runs")

    def _look_at_topics(self) -> None:
        try:
            status = str(read_status(self._access, self._prefix, f"{self._prefix}-worker"))
        except ReaderError as exc:
            status = f"no status: {exc}"
        except Exception as exc:  # noqa: BLE001 - whatever a client library raises, the news of readiness goes on
            status = f"no status: {type(exc).__name__}: {exc}"
        self._set_status(status)


def is_ready(url: str, seconds: float = _ANSWER_SECONDS) -> bool:
    """Ask a process at its base URL whether it is ready; no answer is a no."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=seconds)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
