"""What a stage needs of a table: values by key, within the partition that the key's records are read from.

Does not say where they are kept: `streams.faust_table` keeps them in Faust's tables, tests in a dictionary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Table(Protocol):
    """A table of bytes by bytes, partitioned like its input."""

    def read(self, partition: int, key: bytes) -> bytes | None:
        """Return the value, or null."""

    async def write(self, partition: int, values: Mapping[bytes, bytes]) -> None:
        """Store values; returns once they survive the loss of this machine; raises if they may not."""
