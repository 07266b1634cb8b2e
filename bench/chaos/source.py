"""What comes in during a chaos run: feeds that are written and edited, files that are dropped, at a given rate."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.changing_feeds import Feeds, Wording

LINES_IN_A_FILE: Final = 300
_STEP_SECONDS: Final = 2.0
"""A file is dropped so often, with what the feeds leave of the rate."""
_FEEDS_SHARE: Final = 0.2
_FEEDS_MOST: Final = 4.0
"""Entries a second that all feeds together gain: each is parsed whole at each change."""
_EDITED: Final = 0.2
"""Share of the entries that are worded anew for each that is written."""
_CORRECTED, _KILLED = 0.08, 0.02
"""Shares of the lines that take up an earlier one."""
_LEFT_ALONE: Final = 600
"""The lines dropped last are not taken up, unless they have arrived: two versions in one batch have the same fetch."""


class ArticleSource:
    """Feeds and a drop folder, and what of them must be on the topic in the end."""

    def __init__(self, feeds: Feeds, drop: Path, *, wording: Wording, seed: int) -> None:
        """Take feeds that nobody else changes, and a drop folder."""
        self.written = 0
        """Entries, edits and lines so far."""
        self._feeds = feeds
        self._drop = drop
        self._wording = wording
        self._random = random.Random(seed)
        self._files = 0
        self._arrived = 0
        self._order: list[tuple[str, int]] = []
        self._lines: dict[str, str] = {}

    def wanted(self) -> dict[str, str]:
        """Return the last wording of each entry that was served and each line that was dropped, by its guid."""
        return self._feeds.last() | self._lines

    def has_arrived(self) -> None:
        """Take note that all that was dropped so far is on the topic."""
        self._arrived = len(self._order)

    def drop(self, lines: int) -> None:
        """Drop files with so many articles: new ones, and a few that correct or kill earlier ones."""
        for start in range(0, lines, LINES_IN_A_FILE):
            self._drop_file(min(LINES_IN_A_FILE, lines - start))

    def _drop_file(self, lines: int) -> None:
        self._files += 1
        batch: dict[str, dict[str, str]] = {}
        for line in range(lines):
            fields = self._earlier() or self._new(f"d{self._files}-{line}")
            batch[fields["id"]] = fields
        # Names in the order of the files' times: two that settle together are read by name.
        path = self._drop / f"{self._files:06}.jsonl"
        unfinished = path.with_suffix(".part")
        unfinished.write_text("\n".join(json.dumps(fields) for fields in batch.values()), encoding="utf-8")
        unfinished.rename(path)
        self._lines.update({guid: fields.get("text", "") for guid, fields in batch.items()})
        self.written += len(batch)

    def _new(self, guid: str) -> dict[str, str]:
        self._order.append((guid, 0))
        return {"id": guid, "text": self._wording(guid, 0), "published": "2026-03-28T08:00:00Z"}

    def _earlier(self) -> dict[str, str] | None:
        draw = self._random.random()
        old = max(self._arrived, len(self._order) - _LEFT_ALONE)
        if draw >= _CORRECTED + _KILLED or old == 0:
            return None
        place = self._random.randrange(old)
        guid, number = self._order.pop(place)
        self._arrived -= place < self._arrived
        if draw < _KILLED:
            return {"id": guid, "status": "killed"}
        self._order.append((guid, number + 1))
        return {"id": guid, "text": self._wording(guid, number + 1), "published": "2026-03-28T08:00:00Z"}

    def _write(self, entries: int) -> None:
        for _ in range(entries):
            self._feeds.write(self._random.randrange(self._feeds.number))
            self.written += 1
            if self._random.random() < _EDITED:
                self._feeds.edit(self._random.randrange(self._feeds.number))
                self.written += 1

    @contextmanager
    def flowing(self, rate: float) -> Iterator[None]:
        """Let articles come in at so many a second, in a thread."""
        stop = threading.Event()
        by_feeds = min(_FEEDS_MOST, _FEEDS_SHARE * rate)

        def flow() -> None:
            started = time.monotonic()
            fed = dropped = 0
            while not stop.is_set():
                seconds = time.monotonic() - started
                self._write(round(seconds * by_feeds) - fed)
                fed = round(seconds * by_feeds)
                lines = round(seconds * (rate - by_feeds * (1 + _EDITED))) - dropped
                self.drop(lines)
                dropped += max(0, lines)
                stop.wait(_STEP_SECONDS)

        thread = threading.Thread(target=flow, name="articles", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
