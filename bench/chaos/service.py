"""How long nothing came out while something waited, from the times of records. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a result while something waited for one."""

    start: float
    """Seconds since 1970."""
    seconds: float


def longest_gap(arrived: Mapping[str, float], done: Mapping[str, float]) -> Gap:
    """Return the longest time in which nothing was done although something had arrived and was not done.

    Args:
        arrived: when each thing arrived, seconds since 1970.
        done: when it was done; what was never done waits to the last moment that is told.
    """
    # At one moment arrivals come first: what arrives as another is done has waited for nobody.
    moments = sorted([(moment, 0) for moment in arrived.values()] + [(moment, 1) for moment in done.values()])
    longest = Gap(0.0, 0.0)
    waiting = 0
    since = 0.0
    for moment, is_done in moments:
        if waiting > 0 and moment - since > longest.seconds:
            longest = Gap(since, moment - since)
        if is_done:
            waiting -= 1
            since = moment
        else:
            since = since if waiting > 0 else moment
            waiting += 1
    return longest


def waits(arrived: Mapping[str, float], done: Mapping[str, float]) -> list[float]:
    """Return the seconds that each thing waited that was done, in ascending order."""
    return sorted(max(0.0, done[key] - moment) for key, moment in arrived.items() if key in done)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies (nearest rank); NaN for none.

    Args:
        ordered: values, ascending.
        share: from 0 to 1.
    """
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
