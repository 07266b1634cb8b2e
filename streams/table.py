"""What a stage needs of a table: values by key, within the partition that the key's records are read from.

Does not say where they are kept: `streams.faust_table` keeps them in Faust's tables, tests in a dictionary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

RESERVED: Final = b"\xff"
"""What a key starts with that is no id: UTF-8 knows no such byte."""


class Table(Protocol):
    """A table of bytes by bytes, partitioned like its input."""

    def read(self, partition: int, key: bytes) -> bytes | None:
        """Return the value, or null."""

    async def write(self, partition: int, values: Mapping[bytes, bytes | None]) -> None:
        """Store values, take away those that are null.

        Returns once that survives the loss of this machine; raises if it may not.
        """

    def next_entries(self, partition: int, prefix: bytes, entries: int) -> Iterator[tuple[bytes, bytes]]:
        """Give the next entries whose keys start with a prefix, and remember how far that went.

        The next call goes on after the last entry that was taken; after the end of the table, from its beginning.
        The table must not be written meanwhile. An empty prefix means all keys that are not `RESERVED`.

        Args:
            partition: of the table.
            prefix: of the keys.
            entries: how many to give at most.
        """
