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

from streams.table import RESERVED


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
        self._places: dict[tuple[int, bytes], bytes] = {}
        self._left: dict[tuple[int, bytes], Iterator[bytes]] = {}

    def read(self, partition: int, key: bytes) -> bytes | None:
        """Return the value under a key of a partition, or null."""
        with _at(partition):
            value: bytes | None = self._table.data.get(key)
        return value

    async def write(self, partition: int, values: Mapping[bytes, bytes | None]) -> None:
        """Store values, take away the keys whose value is null: on the changelog, acknowledged; then here."""
        sent = await self._to_changelog(partition, values)
        self._to_store(partition, values)
        if sent is not None:
            topic, offset = sent
            self._table.data.set_persisted_offset(TP(topic, partition), offset)

    async def _to_changelog(self, partition: int, values: Mapping[bytes, bytes | None]) -> tuple[str, int] | None:
        """Send values, wait until all are acknowledged; return the changelog's name and the last one's offset."""
        topic = self._table.changelog_topic
        # A null goes to the changelog as a record without a value, which compaction takes for a deletion and a
        # recovery applies as one. Raw keys and values: another serializer would make the text "null" of it.
        pending = [
            await topic.send(key=key, value=value, partition=partition, key_serializer="raw", value_serializer="raw")
            for key, value in values.items()
        ]
        sent = await asyncio.gather(*pending)
        return (sent[0].topic, max(meta.offset for meta in sent)) if sent else None

    def _to_store(self, partition: int, values: Mapping[bytes, bytes | None]) -> None:
        store = self._table.data
        databases = _databases(store)
        with _at(partition):
            for key, value in values.items():
                if value is not None:
                    store[key] = value
                    if databases is None:
                        store._key_partition[key] = partition  # Faust's own notes it in a recovery alone
                elif databases is None:
                    store.data.pop(key, None)
                    store._key_partition.pop(key, None)
                else:
                    store._db_for_partition(partition).delete(key)  # Faust's own would in all partitions

    def next_entries(self, partition: int, prefix: bytes, entries: int) -> Iterator[tuple[bytes, bytes]]:
        """Give the next entries, as `streams.table.Table` says."""
        store = self._table.data
        if _databases(store) is None:
            yield from self._from_memory(store, partition, prefix, entries)
        else:
            yield from self._from_disk(store, partition, prefix, entries)

    def _from_disk(self, store: Any, partition: int, prefix: bytes, entries: int) -> Iterator[tuple[bytes, bytes]]:
        place = (partition, prefix)
        found = store._db_for_partition(partition).iter()
        found.seek(self._places.get(place, prefix))
        for _ in range(entries):
            if not found.valid() or not _on_shelf(found.key(), prefix):
                self._places.pop(place, None)
                return
            key: bytes = found.key()
            value: bytes = found.value()
            found.next()
            self._places[place] = key + b"\0"
            if key != store.offset_key:
                yield key, value

    def _from_memory(self, store: Any, partition: int, prefix: bytes, entries: int) -> Iterator[tuple[bytes, bytes]]:
        place = (partition, prefix)
        if place not in self._left:
            # A dictionary can't be gone through while it changes: once a round its keys are listed (50 ms a million).
            homes = tuple(store._key_partition.items())
            self._left[place] = (key for key, home in homes if home == partition and _on_shelf(key, prefix))
        for _ in range(entries):
            key = next(self._left[place], None)
            if key is None:
                del self._left[place]
                return
            if (value := store.data.get(key)) is not None:
                yield key, value

    @property
    def faust(self) -> Any:
        """Faust's own table."""
        return self._table

    @property
    def name(self) -> str:
        """The table's name."""
        return str(self._table.name)

    def entries(self) -> int:
        """Return how many keys are stored in this process, as far as that is known without counting them."""
        store = self._table.data
        databases = _databases(store)
        if databases is None:
            return len(store.data)
        return sum(int(db.property_int_value("rocksdb.estimate-num-keys") or 0) for db in list(databases.values()))


def _databases(store: Any) -> Any:
    """Return a store's databases by partition; null for one in memory."""
    return getattr(store, "_dbs", None)


def _on_shelf(key: bytes, prefix: bytes) -> bool:
    return key.startswith(prefix) if prefix else not key.startswith(RESERVED)
