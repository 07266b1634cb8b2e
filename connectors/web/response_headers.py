"""What a response's headers say about waiting, freshness and codings. Pure: no network, the clock an argument.

Headers are written by strangers: nothing in them raises, and what can't be used is as good as absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

_MAX_SECONDS: Final = 2**31
"""RFC 9111 section 1.2.2: a number of seconds that is too large is as good as this one."""
_PART: Final = re.compile(r'(?:[^",]+|"(?:[^"\\]+|\\.)*(?:"|\\?$))+', re.DOTALL)
"""What stands between commas that are not within quotes; a quote that never closes goes to the end."""
_NO_FRESHNESS: Final = frozenset({"no-cache", "no-store"})


class Headers(Protocol):
    """Headers as HTTP has them: names without case, several lines of one name."""

    def getall(self, key: str, default: Sequence[str], /) -> Sequence[str]:
        """Return all lines of a name."""
        ...


def header_text(values: Iterable[str], *, longest: int = 8192) -> str | None:
    """Return a header that can be kept and shown, lines joined by commas; None where it is absent or is no text.

    Bytes that are not UTF-8 come as lone surrogates, which neither a message nor a database takes.
    """
    text = ", ".join(values).strip()
    return text if text and text.isprintable() and len(text) <= longest else None


def verbatim(values: Sequence[str]) -> str | None:
    """Return a validator exactly as it came; None where it is absent or can't be sent back so."""
    return values[0] if values and values[0].isprintable() and 0 < len(values[0]) <= 2048 else None


def _seconds(text: str) -> int | None:
    """Read delta-seconds (RFC 9111 section 1.2.2)."""
    if not (text.isascii() and text.isdigit()):
        return None
    return min(int(text), _MAX_SECONDS) if len(text) <= 10 else _MAX_SECONDS


def _date(text: str) -> datetime | None:
    """Read an HTTP date (RFC 9110 section 5.6.7), the old forms too; UTC where it names no zone."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds, or an HTTP date (RFC 9110 section 10.2.3). Never negative."""
    if not value:
        return None
    value = value.strip()
    seconds = _seconds(value)
    if seconds is not None:
        return timedelta(seconds=seconds)
    moment = _date(value)
    return None if moment is None else max(moment - now, timedelta(0))


def _directives(lines: Iterable[str]) -> dict[str, str]:
    """Read Cache-Control; of a directive that comes twice, the first counts (RFC 9111 section 4.2.1)."""
    found: dict[str, str] = {}
    for part in _PART.findall(",".join(lines)):
        name, _, value = part.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def fresh_for(headers: Headers, *, now: datetime) -> timedelta | None:
    """Return for how much longer a response is fresh (RFC 9111 section 4.2); None where nothing says that it is.

    max-age, else s-maxage (until then a cache on the way answers, and asking is no use), else Expires less Date;
    less Age. no-cache, no-store, an unreadable number and a time that has passed give None.
    """
    directives = _directives(headers.getall("Cache-Control", ()))
    if not _NO_FRESHNESS.isdisjoint(directives):
        return None
    for name in ("max-age", "s-maxage"):
        if name in directives:
            seconds = _seconds(directives[name])
            lifetime = None if seconds is None else timedelta(seconds=seconds)
            break
    else:
        expires = [_date(line) for line in headers.getall("Expires", ())]
        date = next((_date(line) for line in headers.getall("Date", ())), None)
        lifetime = expires[0] - (date or now) if expires and expires[0] is not None else None
    if lifetime is None:
        return None
    ages = headers.getall("Age", ())
    age = _seconds(ages[0].split(",", 1)[0].strip()) if ages else None
    left = min(lifetime, timedelta(seconds=_MAX_SECONDS)) - timedelta(seconds=age or 0)
    return left if left > timedelta(0) else None
