"""The folder drop: files that people or programs put in a folder become articles.

Scans by polling, sub-folders too, so that it works on any file system. Hidden names and names ending in .part,
.tmp, .crdownload, .swp or ~ are passed over. A file is read when two scans have found it with the same size and
time and its last change is `SETTLE` ago; to be certain, write under another name and rename. Files are never
moved, changed or deleted. Symbolic links are followed to files only within the folder. A file with items under embargo
is read again when the embargo ends: it must stay until then.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from connectors.decide import Listing, candidates, decide
from connectors.entry import Entry
from connectors.formats.files import JSONL_SUFFIXES, Parsed, ReadError, embargo_of_entry, read_file, readable_name
from connectors.records import FileState, StateChange
from connectors.source import Batch, Snapshot, SourceError
from connectors.state import State
from schemas.article import Provenance, Source
from schemas.ids import digest

SETTLE: Final = timedelta(seconds=1)
"""How long a file must have been left alone."""
MAX_BATCH_ENTRIES: Final = 200
MAX_BATCH_CHARACTERS: Final = 4 * 1024 * 1024
"""A batch ends when it holds this much text, so that a large file is read as a stream and its progress is kept."""
_UNFINISHED: Final = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".swp", "~")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as a scan found it."""

    path: str
    """Relative to the drop, with `/`."""
    size: int
    mtime_ns: int

    @property
    def fingerprint(self) -> tuple[int, int]:
        """What tells that the file has changed."""
        return (self.size, self.mtime_ns)


def is_ignored(name: str) -> bool:
    """Say whether a file or folder of this name is not for us (hidden, or being written)."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def scan(folder: Path) -> tuple[dict[str, FoundFile], list[SourceError]]:
    """List the files of a drop folder and its sub-folders, with what could not be listed."""
    found: dict[str, FoundFile] = {}
    errors: list[SourceError] = []

    def failed(error: OSError) -> None:
        where = readable_name(str(error.filename or folder))
        errors.append(SourceError(where, error.strerror or "can't be listed", "io"))

    root = str(folder)
    for parent, folders, names in os.walk(root, onerror=failed):
        folders[:] = sorted(name for name in folders if not is_ignored(name))
        for name in sorted(names):
            path = os.path.join(parent, name)  # noqa: PTH118 - a scan of many files: pathlib costs four times as much
            if is_ignored(name):
                continue
            try:
                details = os.stat(path)  # noqa: PTH116 - as above
            except OSError:  # gone since it was listed, or a link to nowhere: the next scan will tell
                continue
            if os.path.isfile(path) and _is_within(path, root):  # noqa: PTH113 - as above
                relative = os.path.relpath(path, root).replace(os.sep, "/")
                found[relative] = FoundFile(relative, details.st_size, details.st_mtime_ns)
    return found, errors


def _is_within(path: str, root: str) -> bool:
    """Say whether a link, followed, stays in the drop: a link to /etc/passwd is no article."""
    if not os.path.islink(path):  # noqa: PTH114 - a scan of many files
        return True
    return Path(path).resolve().is_relative_to(Path(root).resolve())


def is_settled(file: FoundFile, before: Mapping[str, FoundFile], now: datetime) -> bool:
    """Say whether a file is complete, as far as that can be told from outside."""
    earlier = before.get(file.path)
    if earlier is None or earlier.fingerprint != file.fingerprint:
        return False
    # In seconds: file systems keep times that no datetime can hold.
    age = now.timestamp() - file.mtime_ns / 1e9
    # A time ahead of the clock (another machine's, or restored) says nothing: two equal scans must do.
    return age >= SETTLE.total_seconds() or age < 0


def is_wanted(file: FoundFile, known: FileState | None) -> bool:
    """Say whether a file is still to be read: new, changed, or begun and not finished."""
    return known is None or known.fingerprint != file.fingerprint or known.status == "reading"


class _Part:
    """What one batch has read so far."""

    def __init__(self, max_items: int, max_characters: int) -> None:
        self._items_left = max_items
        self._characters_left = max_characters
        self.entries: list[Entry] = []
        self.errors: list[SourceError] = []
        self.files: list[FileState] = []

    @property
    def is_full(self) -> bool:
        return self._items_left <= 0 or self._characters_left <= 0

    def add(self, item: Parsed | ReadError, folder: str) -> None:
        self._items_left -= 1
        if isinstance(item, ReadError):
            self.errors.append(SourceError(f"{folder}/{item.origin}", item.reason, item.error_class))
        else:
            self.entries.append(item.entry)
            self._characters_left -= len(item.entry.text)


class FolderSource:
    """A drop folder as a source."""

    connector: Final = "folder"

    def __init__(self, folder: Path, state: State, *, source: Source, interval: timedelta) -> None:
        """Watch a folder.

        Args:
            folder: made where it does not exist.
            state: where progress is kept.
            source: the articles' source, where a .jsonl line names none.
            interval: time between scans.
        """
        self._folder = folder.absolute()
        self._drop = readable_name(str(self._folder))
        self._state = state
        self._source = source
        self._interval = interval
        self._before: dict[str, FoundFile] = {}
        self._ready: list[FoundFile] = []
        self._told: frozenset[SourceError] = frozenset()
        self._held: dict[str, tuple[FoundFile, datetime]] = {}
        """Files with items under embargo, and when the first of these ends. After a restart they are read once more,
        to know: their state is "reading"."""
        self._next_scan: datetime | None = None
        self._started = datetime.min.replace(tzinfo=UTC)

    @property
    def name(self) -> str:
        """Name for logs."""
        return f"folder {self._drop}"

    def next_awake(self) -> datetime | None:
        """At once while files wait, else when the next scan is due."""
        if self._next_scan is None or self._ready:
            return self._started
        return self._next_scan

    def next_batch(self, now: datetime) -> Batch:
        """Return a part of a file, or of several small ones."""
        errors = [] if self._ready else self._scan(now)
        batch = self._read(now)
        return replace(batch, errors=(*errors, *batch.errors))

    def _scan(self, now: datetime) -> list[SourceError]:
        """Look what there is; return what could not be listed and has not been told yet."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            found, errors = scan(self._folder)
        except OSError as error:
            found = {}
            errors = [SourceError(self._drop, f"can't be made: {error.strerror or error}", "io")]
        known = self._state.files(self._drop)
        waiting = [file for file in found.values() if is_wanted(file, known.get(readable_name(file.path)))]
        settled = [file for file in waiting if is_settled(file, self._before, now)]
        self._held = {path: held for path, held in self._held.items() if held[0] == found.get(path)}
        self._ready = [file for file in settled if not self._is_held(file, now)]
        self._before = found
        unsettled = len(waiting) > len(settled)
        # While a file is being watched for its end, look again as soon as it may have come.
        self._next_scan = now + (min(SETTLE / 2, self._interval) if unsettled else self._interval)
        news = [error for error in errors if error not in self._told]
        self._told = frozenset(errors)
        return news

    def _is_held(self, file: FoundFile, now: datetime) -> bool:
        held = self._held.get(file.path)
        return held is not None and now < held[1]

    def _read(self, now: datetime) -> Batch:
        """Read on until the batch is full. What was begun goes on from the state's account of it, never from memory."""
        part = _Part(MAX_BATCH_ENTRIES, MAX_BATCH_CHARACTERS)
        while self._ready and not part.is_full:
            # Taken off first: a file that trips a bug must not keep those behind it waiting.
            file = self._ready.pop(0)
            if not self._is_as_found(file):
                continue  # changed or gone since the scan; the next one tells
            in_lines = Path(file.path).suffix.lower() in JSONL_SUFFIXES
            progress, complete = self._read_lines(file, part) if in_lines else self._read_whole(file, part, now)
            if progress != self._state.file(self._drop, progress.path):
                part.files.append(progress)
            if not complete:
                self._ready.insert(0, file)
                break
        return self._batch(part, now)

    def _is_as_found(self, file: FoundFile) -> bool:
        """Say whether a file is still the one of the scan: an offset into another one would cut a line in two."""
        try:
            details = (self._folder / file.path).stat()
        except OSError:
            return False
        return (details.st_size, details.st_mtime_ns) == file.fingerprint

    def _progress(self, file: FoundFile) -> FileState:
        """Return how far a file has been read, from its start where it is another than it was."""
        path = readable_name(file.path)
        known = self._state.file(self._drop, path)
        if known is not None and known.fingerprint == file.fingerprint:
            return known
        return FileState(self._drop, path, file.size, file.mtime_ns, "reading")

    def _read_lines(self, file: FoundFile, part: _Part) -> tuple[FileState, bool]:
        """Read a .jsonl file until it ends or the part is full; return how far, and whether it ended."""
        progress = self._progress(file)
        last: ReadError | None = None
        for item in read_file(self._folder / file.path, name=file.path, start=progress.offset, line=progress.line):
            if part.is_full:
                return progress, False
            last = item if isinstance(item, ReadError) else None
            progress = self._after(item, progress, part)
        if last is not None and last.error_class == "io":
            return progress, True  # still "reading": tried again at each scan
        return replace(progress, status="done"), True

    def _read_whole(self, file: FoundFile, part: _Part, now: datetime) -> tuple[FileState, bool]:
        """Read any other file, all its items in one part: what is under embargo is then known of one reading."""
        self._held.pop(file.path, None)
        before = self._progress(file)
        progress = replace(before, offset=0)
        failed = False
        held: list[datetime] = []
        for item in read_file(self._folder / file.path, name=file.path):
            if isinstance(item, Parsed) and embargo_of_entry(item.entry, now):
                held.append(item.entry.embargoed or now)
                progress = replace(progress, offset=item.end)
                continue
            if isinstance(item, ReadError):
                if item.error_class == "io":
                    return self._after(item, before, part), True  # still "reading": tried again at each scan
                failed = True
                if before.offset:  # told when it was first read: it has been waiting for the end of an embargo
                    continue
            progress = self._after(item, progress, part)
        if held:
            return self._hold(file, held, replace(progress, error=before.error), part), True
        return replace(progress, status="error" if failed else "done", offset=file.size), True

    def _after(self, item: Parsed | ReadError, progress: FileState, part: _Part) -> FileState:
        """Add an item to the part; return the progress with it. What can't be opened is told once, not at each scan."""
        if isinstance(item, ReadError) and item.error_class == "io" and progress.error == item.reason:
            return progress
        part.add(item, self._drop)
        error = item.reason if isinstance(item, ReadError) else progress.error
        return replace(progress, offset=item.end, line=item.line, error=error)

    def _hold(self, file: FoundFile, held: list[datetime], progress: FileState, part: _Part) -> FileState:
        """Remember that a file waits for the end of an embargo; tell it once, restarts or not."""
        first = min(held)
        self._held[file.path] = (file, first)
        items = "1 item" if len(held) == 1 else f"{len(held)} items"
        reason = f"{items} under embargo, the first until {first:%Y-%m-%dT%H:%M:%SZ}: read again then"
        told = ReadError(progress.path, reason, "invalid", file.size)
        if progress.error != reason:
            part.add(told, self._drop)
        return replace(progress, status="reading", offset=file.size, error=reason)

    def _batch(self, part: _Part, now: datetime) -> Batch:
        listing = Listing(f"folder:{self._source.id}", self._source, self.connector, now, repeats="versions")
        fetch_id = digest("fetch", self._drop, now.isoformat())[:16]
        decision = decide(
            part.entries,
            self._state.seen(candidates(part.entries, self._source)),
            listing,
            Provenance(fetch_id=fetch_id, hop="file"),
        )
        refusals = [SourceError(f"{self._drop}/{origin}", why, "invalid") for origin, why in decision.refused]
        return Batch(
            articles=decision.articles,
            errors=(*part.errors, *refusals),
            commit=StateChange(seen=decision.seen, files=tuple(part.files)),
            counts=decision.counts,
        )

    def snapshot(self) -> Snapshot:
        """Return the folder, and how many files wait."""
        details = {
            "folder": self._drop,
            "waiting": str(len(self._ready)),
            "under embargo": str(len(self._held)),
            "files": str(len(self._before)),
        }
        return Snapshot(self.name, self.connector, details)

    def close(self) -> None:
        """Nothing is held between batches."""
