"""Frozen dataclasses as rows of SQLite tables: one column a field, under the field's name.

Times are kept as text in UTC of fixed width (comparing the texts compares the times), durations as seconds. Does not
create tables: `connectors.database` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Any, Final, Generic, TypeVar, get_args, get_origin, get_type_hints

R = TypeVar("R")


def time_text(value: datetime) -> str:
    """Return a time as columns hold it."""
    moment = value.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds")


def time_of(text: str) -> datetime:
    """Return the time that a column holds."""
    return datetime.fromisoformat(f"{text}+00:00")


def _duration(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _bare(hint: Any) -> Any:
    """Return a type without its `| None`."""
    if get_origin(hint) is UnionType:
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    return hint


_READERS: Final[dict[Any, Callable[[Any], object]]] = {datetime: time_of, timedelta: _duration, bool: bool}


def _written(value: object) -> object:
    match value:
        case datetime():
            return time_text(value)
        case timedelta():
            return value.total_seconds()
        case _:
            return value


class Table(Generic[R]):
    """How one kind of row is read and written."""

    def __init__(self, name: str, row: type[R]) -> None:
        """Take the columns from a frozen dataclass of texts, numbers, bytes, times and durations."""
        hints = get_type_hints(row)
        self._row = row
        self._names = tuple(field.name for field in fields(row))  # type: ignore[arg-type] # a dataclass, by contract
        self._readers = tuple(_READERS.get(_bare(hints[column])) for column in self._names)
        self.columns: Final = ", ".join(f'"{column}"' for column in self._names)
        places = ", ".join("?" for _ in self._names)
        self.insert: Final = f"INSERT OR REPLACE INTO {name} ({self.columns}) VALUES ({places})"  # noqa: S608 - names of our own
        self.select: Final = f"SELECT {self.columns} FROM {name}"  # noqa: S608 - names of our own

    def values(self, row: R) -> tuple[object, ...]:
        """Return a row's values, in the order of `columns`."""
        return tuple(_written(getattr(row, column)) for column in self._names)

    def row(self, values: Sequence[Any]) -> R:
        """Return the row of values in the order of `columns`."""
        return self._row(
            *(
                value if reader is None or value is None else reader(value)
                for reader, value in zip(self._readers, values, strict=True)
            )
        )
