"""The phrases and patterns that pages are told by, from the data files. Pure; reads the files once.

Does not look at pages: see `connectors.pages.walls` and `connectors.pages.boilerplate`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

_DATA: Final = Path(__file__).parent / "data"
_COMPARABLE: Final = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "\u00a0": " ", "\u202f": " ", "\u2009": " "})
_SPACES: Final = re.compile(r"\s+")
DEFAULT_MOST: Final = 120
"""Longest line, in characters, that a rule without a bound of its own takes for boilerplate."""


def comparable(text: str) -> str:
    """Return a text as the patterns expect it: case folded, plain apostrophes and spaces, on one line."""
    return _SPACES.sub(" ", text.translate(_COMPARABLE)).strip().casefold()


def load(name: str) -> dict[str, Any]:
    """Read a data file of this room."""
    return tomllib.loads((_DATA / f"{name}.toml").read_text(encoding="utf-8"))


def any_of(patterns: list[str]) -> re.Pattern[str]:
    """Return one pattern for several; matches nothing where there are none."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)")


@dataclass(frozen=True, slots=True)
class Walls:
    """What walls are told by; see data/walls.toml."""

    locked_tiers: frozenset[str]
    paywall: re.Pattern[str]
    badge: re.Pattern[str]
    """Must match the whole text of an element."""
    consent_boxes: frozenset[str]
    consent: re.Pattern[str]
    blocks: re.Pattern[str]
    check_titles: re.Pattern[str]
    check: re.Pattern[str]
    check_signatures: tuple[str, ...]
    error_titles: re.Pattern[str]


@cache
def walls() -> Walls:
    """Return what walls are told by."""
    data = load("walls")
    return Walls(
        locked_tiers=frozenset(data["paywall"]["locked_tiers"]),
        paywall=any_of(data["paywall"]["sentences"]),
        badge=any_of(data["paywall"]["badges"]),
        consent_boxes=frozenset(data["consent"]["boxes"]),
        consent=any_of(data["consent"]["sentences"]),
        blocks=any_of(data["consent"]["blocks"]),
        check_titles=any_of(data["robot_check"]["titles"]),
        check=any_of(data["robot_check"]["sentences"]),
        check_signatures=tuple(data["robot_check"]["signatures"]),
        error_titles=any_of(data["error"]["titles"]),
    )


@dataclass(frozen=True, slots=True)
class BoilerplateRule:
    """One rule of data/boilerplate.toml."""

    line: re.Pattern[str]
    tail: re.Pattern[str]
    most: int


@cache
def boilerplate_rules() -> tuple[BoilerplateRule, ...]:
    """Return the rules for lines that are not the article's."""
    return tuple(
        BoilerplateRule(any_of(rule.get("line", [])), any_of(rule.get("tail", [])), rule.get("most", DEFAULT_MOST))
        for rule in load("boilerplate")["rules"]
    )
