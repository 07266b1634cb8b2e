"""Which metrics and labels a PromQL expression uses. Reads names only: whether it parses, Prometheus says."""

from __future__ import annotations

import re
from dataclasses import dataclass

WORDS = frozenset(
    {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right"}
    | {"inf", "nan", "start", "end", "atan2"}
)
_STRING = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`"
_STRINGS = re.compile(_STRING)
_MATCHERS = re.compile(r"\{([^{}]*)\}")
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\{((?:[^{}\"'`]|" + _STRING + r")*)\}")
_MATCHER = re.compile(r"([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*(" + _STRING + ")")
_MATCHED_LABEL = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
_RANGE = re.compile(r"\[[^\]]*\]")
_COMMENT = re.compile(r"#[^\n]*")
_NAME = re.compile(r"(?<![\w:$.])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])")


@dataclass(frozen=True, slots=True)
class Used:
    """The names of series and of labels in an expression."""

    series: frozenset[str]
    labels: frozenset[str]


def used(expression: str) -> Used:
    """Return what an expression uses."""
    text = _STRINGS.sub('""', _COMMENT.sub("", expression))
    labels = {label for inside in _MATCHERS.findall(text) for label in _MATCHED_LABEL.findall(inside)}
    text = _MATCHERS.sub(" ", text)
    labels |= {label.strip() for inside in _GROUPING.findall(text) for label in inside.split(",") if label.strip()}
    text = _RANGE.sub(" ", _GROUPING.sub(" ", text))
    names = {name for name in _NAME.findall(text) if name.lower() not in WORDS}
    return Used(frozenset(names), frozenset(labels))


@dataclass(frozen=True, slots=True)
class Asked:
    """A value that a selector names: `a{x=~"b|c"}` asks for two."""

    series: str
    label: str
    value: str


def asked(expression: str) -> list[Asked]:
    """Return the values that an expression names; patterns that are more than a choice of values are left out."""
    return [
        Asked(series, label, value)
        for series, matchers in _SELECTOR.findall(_COMMENT.sub("", expression))
        for label, operator, quoted in _MATCHER.findall(matchers)
        for value in (quoted[1:-1].split("|") if "~" in operator else [quoted[1:-1]])
        if "~" not in operator or re.fullmatch(r"\w+", value)
    ]
