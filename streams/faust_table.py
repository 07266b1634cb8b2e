"""A Faust table written in the safe order. Does not interpret keys or values: both are bytes.

`table[key] = value` of Faust stores the value here first and sends it to the changelog by a `send_soon` that nobody
waits for. Killed in between, the value is here and nowhere else: redone work sees it, concludes that all is done, and
the changelog never gets it; after the loss of this machine, or of the folder, it is gone. So values are written by
hand, in this order: changelog, acknowledged; then the store; then the store's note of how far it has read the
changelog. What is stored here is then always on the changelog too.

Reading and writing need no current Faust event, which `noack_take` does not set: the partition is an argument.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from faust.streams import _current_event
from faust.types import TP


@dataclass(frozen=True)
class _Message:
    partition: int


@dataclass(frozen=True)
class _Place:
    """Stands where Faust's store looks for the current event, of which it only asks the partition."""

    message: _Message


@contextmanager
def _at(partition: int) -> Iterator[None]:
    place: Any = _Place(_Message(partition))
    token = _current_event.set(weakref.ref(place))
    try:
        yield
    finally:
        _current_event.reset(token)


class FaustTable:
    """A Faust table with `bytes` keys and values, behind `streams.table.Table`."""

    def __init__(self, table: Any) -> None:
        """Take a table declared with `key_type=bytes, value_type=bytes`; another would split or change keys."""
        if table.key_type is not bytes or table.value_type is not bytes:
            msg = f"table {table.name}: declare key_type and value_type as bytes"
            raise TypeError(msg)
        self._table = table

    def read(self, partition: int, key: bytes) -> bytes | None:
        """Return the value under a key of a partition, or null."""
        with _at(partition):
            value: bytes | None = self._table.data.get(key)
        return value

    async def write(self, partition: int, values: Mapping[bytes, bytes]) -> None:
        """Store values: on the changelog, acknowledged; then here."""
        topic = self._table.changelog_topic
        pending = [
            await topic.send(key=key, value=value, partition=partition, key_serializer="raw", value_serializer="raw")
            for key, value in values.items()
        ]
        sent = await asyncio.gather(*pending)
        store = self._table.data
        with _at(partition):
            for key, value in values.items():
                store[key] = value
        if sent:
            store.set_persisted_offset(TP(sent[0].topic, partition), max(meta.offset for meta in sent))

    @property
    def name(self) -> str:
        """The table's name."""
        return str(self._table.name)

    def entries(self) -> int:
        """Return how many keys are stored in this process, as far as that is known without counting them."""
        store = self._table.data
        databases = getattr(store, "_dbs", None)
        if databases is None:
            return len(store.data)
        return sum(int(db.property_int_value("rocksdb.estimate-num-keys") or 0) for db in list(databases.values()))
