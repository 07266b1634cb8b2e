"""Decides what to publish and what to remember. Pure: entries and what is known of them in, articles and rows out.

Identity: the guid, else the canonical link, else a hash over title and text. Losses seen elsewhere and not here:
an identity of all fields makes each edit a new article; one guid on many entries makes many articles one.
Does not read the state (`candidates` says what to look up) and does not touch the broker.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import ValidationError

from connectors.entry import Entry, article_of, published_of, revised_of
from connectors.records import SeenEntry
from connectors.urls import moved_key
from schemas.article import Article, Identity, Provenance, Source
from schemas.ids import digest

MAX_EDITS: Final = 25
"""Versions that one feed may publish of one entry: a feed whose text says "5 minutes ago" would never end."""
AFTER_LAST: Final = timedelta(microseconds=2)
"""A version is dated at least so long after the last: further than a page's text is after its feed's
(`connectors.pages.choice.AFTER_FEED`)."""
_SEEN_RESOLUTION: Final = timedelta(days=1)

SeenKey = tuple[str, str]
"""(source id, key)."""


@dataclass(frozen=True, slots=True)
class SeenIndex:
    """What is known of the entries at hand, for all listings."""

    by_key: Mapping[SeenKey, tuple[SeenEntry, ...]] = field(default_factory=dict)
    by_moved_key: Mapping[SeenKey, tuple[SeenEntry, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[SeenEntry]) -> SeenIndex:
        """Index rows; of two rows for one entry and listing, the later stands."""
        by_key: dict[SeenKey, dict[str, SeenEntry]] = defaultdict(dict)
        moved: dict[SeenKey, dict[tuple[str, str], SeenEntry]] = defaultdict(dict)
        for row in rows:
            by_key[row.source_id, row.key][row.listing] = row
            if row.moved_key:
                moved[row.source_id, row.moved_key][row.key, row.listing] = row
        return cls(
            {key: tuple(found.values()) for key, found in by_key.items()},
            {key: tuple(found.values()) for key, found in moved.items()},
        )

    def rows(self) -> tuple[SeenEntry, ...]:
        """Return all rows."""
        return tuple(row for rows in self.by_key.values() for row in rows)

    def updated(self, rows: Sequence[SeenEntry]) -> SeenIndex:
        """Return this with newer rows."""
        return SeenIndex.of((*self.rows(), *rows)) if rows else self


@dataclass(frozen=True, slots=True)
class Candidates:
    """What to look up before deciding."""

    keys: frozenset[SeenKey]
    moved_keys: frozenset[SeenKey]


@dataclass(frozen=True, slots=True)
class Listing:
    """Where entries were listed."""

    name: str
    """The feed's URL, or the drop's name."""
    source: Source
    connector: str
    fetched: datetime
    repeats: Literal["first", "versions"]
    """What a second entry with the same identity is: the same again ("first" stands: feeds list the newest
    first), or a later version (files are read in order)."""
    unread: frozenset[SeenKey] = frozenset()
    """Entries that stand in the listing too, known as they are and therefore not read again."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to publish, what to remember after the acknowledgement, what to report."""

    articles: tuple[Article, ...]
    entries: tuple[Entry, ...]
    """What each of `articles` was made of."""
    seen: tuple[SeenEntry, ...]
    refused: tuple[tuple[str, str], ...]
    """(origin, reason) of entries that no article can be made of."""
    counts: Mapping[str, int]
    """Entries by fate: new, edited, seen, repeated, refused, edits_refused, outdated (older than a version or a
    withdrawal that came before)."""


def _simple_key(entry: Entry) -> str:
    return entry.guid or entry.canonical_url or entry.content_key


def _composite_key(entry: Entry) -> str:
    """The identity of one of several entries that share a guid."""
    return f"{entry.guid} {entry.canonical_url or entry.content_key}"


def _moved_key(entry: Entry) -> str | None:
    return moved_key(entry.guid) or (moved_key(entry.canonical_url) if not entry.guid else None)


def _source_id(entry: Entry, source: Source) -> str:
    return entry.source_id or source.id


def candidates(entries: Sequence[Entry], source: Source) -> Candidates:
    """Return the keys under which these entries may be known."""
    keys: set[SeenKey] = set()
    moved: set[SeenKey] = set()
    for entry in entries:
        source_id = _source_id(entry, source)
        keys.add((source_id, _simple_key(entry)))
        if entry.guid:
            keys.add((source_id, _composite_key(entry)))
        if key := _moved_key(entry):
            moved.add((source_id, key))
    return Candidates(frozenset(keys), frozenset(moved))


def _shared_guids(entries: Sequence[Entry]) -> frozenset[str]:
    """Return the guids that stand on entries with different links, or with different titles and no link."""
    variants: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.guid:
            variants[entry.guid].add(entry.canonical_url or "title:" + entry.title)
    return frozenset(guid for guid, links in variants.items() if len(links) > 1)


def _title_hash(entry: Entry) -> str:
    return digest("title", entry.title)[:16]


def _known_before_move(entry: Entry, source_id: str, seen: SeenIndex, present: frozenset[SeenKey]) -> str | None:
    """Return the key of the same article at its site's former address.

    Only under the same title, and only where the former address is not listed too: two hosts may serve different
    articles under one path.
    """
    key = _moved_key(entry)
    if key is None or not entry.title:
        return None
    for row in seen.by_moved_key.get((source_id, key), ()):
        if row.title_hash == _title_hash(entry) and (source_id, row.key) not in present:
            return row.key
    return None


def _key(entry: Entry, source_id: str, seen: SeenIndex, shared: frozenset[str], present: frozenset[SeenKey]) -> str:
    simple = _simple_key(entry)
    known = seen.by_key.get((source_id, simple), ())
    if entry.guid:
        composite = _composite_key(entry)
        if (source_id, composite) in seen.by_key:
            return composite
        if entry.guid in shared:
            # The entry that was alone with this guid keeps it: a newcomer must not rename it.
            return simple if any(row.url == entry.canonical_url for row in known) else composite
    if known:
        return simple
    return _known_before_move(entry, source_id, seen, present) or simple


def _identity(key: str, entry: Entry) -> Identity:
    if not entry.guid and key == entry.canonical_url:
        return Identity(canonical_url=key)
    return Identity(guid=key, canonical_url=entry.canonical_url)


def _first_error(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field_name = ".".join(str(part) for part in first["loc"])
    return f"{field_name}: {first['msg']}" if field_name else first["msg"]


def _row(
    previous: SeenEntry | None, entry: Entry, article: Article, key: str, listing: Listing, *, killed_again: bool
) -> SeenEntry:
    killed_at, killed_version = (previous.killed_at, previous.killed_version) if previous else (None, None)
    if article.status == "killed":
        made = revised_of(entry, fetched=article.fetched)
        if made is None and (killed_at is None or killed_again or not (previous and previous.withdrawn)):
            made = article.fetched
        killed_at = max(moment for moment in (made, killed_at) if moment is not None)
        killed_version = _highest(entry.publisher_version, killed_version)
    return SeenEntry(
        source_id=article.source.id,
        key=key,
        listing=listing.name,
        content_hash=article.content_hash,
        title_hash=_title_hash(entry),
        url=entry.canonical_url,
        moved_key=_moved_key(entry),
        versions=0 if previous is None else previous.versions,
        first_seen=article.fetched if previous is None else previous.first_seen,
        last_seen=article.fetched,
        raw_hash=entry.raw_hash,
        publisher_version=_highest(entry.publisher_version, previous.publisher_version if previous else None),
        killed_at=killed_at,
        killed_version=killed_version,
        withdrawn=article.status == "killed",
    )


def _highest(*numbers: int | None) -> int | None:
    return max((number for number in numbers if number is not None), default=None)


def _is_outdated(entry: Entry, known: Sequence[SeenEntry]) -> bool:
    """Say whether the publisher has numbered a later version that came before: wires don't keep the order."""
    highest = _highest(*(row.publisher_version for row in known))
    return entry.publisher_version is not None and highest is not None and entry.publisher_version < highest


def _is_withdrawn(entry: Entry, known: Sequence[SeenEntry], listing: Listing) -> bool:
    """Say whether an entry is of what was withdrawn before it came: late, replayed, or edited by who has not noticed.

    Between a version and a withdrawal that are both numbered, the numbers decide; else the publisher's own times. As
    long as nobody has brought the article back, a version that has neither brings it back only where the withdrawal
    came the same way before it, or where it was first published after it.
    """
    if entry.status == "killed":
        return False
    number, highest = entry.publisher_version, _highest(*(row.publisher_version for row in known))
    made = revised_of(entry, fetched=listing.fetched)
    for row in known:
        if row.killed_at is None:
            continue
        if number is not None and row.killed_version is not None:
            if number <= row.killed_version:
                return True
            continue
        if made is not None and made <= row.killed_at:
            return True
        if not row.withdrawn:
            continue
        if number is not None and highest is not None:
            if number <= highest:
                return True
        elif made is None and (number is not None or row.listing != listing.name):
            published = published_of(entry, fetched=listing.fetched).value
            if published is None or published <= row.killed_at:
                return True
    return False


def _is_killed_again(entry: Entry, previous: SeenEntry | None, known: Sequence[SeenEntry], fetched: datetime) -> bool:
    """Say whether a withdrawal in the words of the last one is one anew.

    It is where another listing may have brought the article back since, and the notice is not the same one again.
    """
    if entry.status != "killed" or previous is None or not previous.withdrawn or previous.killed_at is None:
        return False
    made = revised_of(entry, fetched=fetched)
    return (made is None or made > previous.killed_at) and any(
        row.listing != previous.listing and row.versions and row.last_seen > previous.last_seen for row in known
    )


class _Round:
    """The decisions over one listing, one entry after the other."""

    def __init__(self, seen: SeenIndex, listing: Listing, provenance: Provenance) -> None:
        self.known = dict(seen.by_key)
        self.listing = listing
        self.provenance = provenance
        self.rows: dict[SeenKey, SeenEntry] = {}
        self.articles: list[Article] = []
        self.entries: list[Entry] = []
        self.refused: list[tuple[str, str]] = []
        self.counts: Counter[str] = Counter()

    def decide(self, entry: Entry, key: str) -> None:
        source_id = _source_id(entry, self.listing.source)
        earlier = self.rows.get((source_id, key))
        if earlier is not None and self.listing.repeats == "first":
            self.counts["repeated"] += 1
            return
        listed = self.known.get((source_id, key), ())
        previous = earlier or next((row for row in listed if row.listing == self.listing.name), None)
        # Versions are ordered by their fetch: of two in one file, the later line is the later version, and a clock
        # that was set back does not make an edit older than what it edits.
        fetched = self.listing.fetched + timedelta(microseconds=len(self.articles))
        known = (
            *(row for row in listed if row.listing != self.listing.name),
            *([previous] if previous else ()),
        )
        if _is_outdated(entry, known) or _is_withdrawn(entry, known, self.listing):
            self.counts["outdated"] += 1
            return
        for row in known:
            fetched = max(fetched, row.last_seen + AFTER_LAST)
        try:
            article = article_of(
                entry,
                identity=_identity(key, entry),
                source=self.listing.source,
                connector=self.listing.connector,
                fetched=fetched,
                provenance=self.provenance,
            )
        except ValidationError as error:
            self.refused.append((entry.origin, _first_error(error)))
            self.counts["refused"] += 1
            return
        self._weigh(entry, key, article, previous, known)

    def _weigh(
        self, entry: Entry, key: str, article: Article, previous: SeenEntry | None, known: Sequence[SeenEntry]
    ) -> None:
        killed_again = _is_killed_again(entry, previous, known, self.listing.fetched)
        row = _row(previous, entry, article, key, self.listing, killed_again=killed_again)
        if previous is None:
            # Another listing's wording is not ours to correct; a withdrawal or correction is, whoever brings it. What
            # was withdrawn and is newer than that (or it would not be here) brings the article back.
            stands = article.status == "usable" and not any(row.withdrawn for row in known)
            fate = "new" if not known else "seen" if stands else "edited"
        elif previous.content_hash == article.content_hash and not killed_again:
            fate = "seen"
            same = replace(row, last_seen=previous.last_seen) == previous
            if same and self.listing.fetched - previous.last_seen < _SEEN_RESOLUTION:
                row = previous
        elif previous.versions > MAX_EDITS and self.listing.repeats == "first" and article.status == "usable":
            fate = "edits_refused"
            self.refused.append((entry.origin, f"more than {MAX_EDITS} edits: this one is not published"))
        else:
            fate = "edited"
        if fate in {"new", "edited"}:
            row = replace(row, versions=row.versions + 1)
            self.articles.append(article)
            self.entries.append(entry)
        self.counts[fate] += 1
        self.rows[row.source_id, key] = row


def decide(entries: Sequence[Entry], seen: SeenIndex, listing: Listing, provenance: Provenance) -> Decision:
    """Say which entries are new articles or new versions.

    New: no listing of the source has shown the entry. Edited: this listing showed it with other content, or another
    did and this one says that it is corrected or killed. An entry that another listing brought, in other words, is
    only remembered.

    Args:
        entries: in the order of the feed or file.
        seen: rows for `candidates(entries, listing.source)`.
        listing: where they were listed.
        provenance: the way they came.
    """
    shared = _shared_guids(entries) if listing.repeats == "first" else frozenset()
    present = listing.unread | {(_source_id(entry, listing.source), _simple_key(entry)) for entry in entries}
    decided = _Round(seen, listing, provenance)
    unchanged = set(seen.rows())
    listed: set[SeenKey] = set()
    for entry in entries:
        source_id = _source_id(entry, listing.source)
        itself = (source_id, _composite_key(entry))
        if itself in listed and listing.repeats == "first":
            decided.counts["repeated"] += 1
            continue
        listed.add(itself)
        decided.decide(entry, _key(entry, source_id, seen, shared, present))
    return Decision(
        articles=tuple(decided.articles),
        entries=tuple(decided.entries),
        seen=tuple(row for row in decided.rows.values() if row not in unchanged),
        refused=tuple(decided.refused),
        counts=dict(decided.counts),
    )
