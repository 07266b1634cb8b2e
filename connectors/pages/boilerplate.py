"""Lines that are not the article's, taken out by the rules of data/boilerplate.toml. Pure; whole lines or nothing.

Does not edit a line: what stays, stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connectors.pages.markers import boilerplate_rules, comparable

_TAIL_FROM: Final = 2 / 3
"""From where in the text, by characters, a heading such as "Sur le même sujet" ends the article."""


def is_boilerplate(line: str) -> bool:
    """Say whether a line is a link to other articles, a call to share or subscribe, a credit, a cookie box."""
    if len(line) > max(rule.most for rule in boilerplate_rules()):
        return False
    plain = comparable(line)
    return any(len(line) <= rule.most and rule.line.fullmatch(plain) for rule in boilerplate_rules())


def ends_the_article(line: str) -> bool:
    """Say whether a line is the heading of what stands below articles."""
    plain = comparable(line)
    return any(len(line) <= rule.most and rule.tail.match(plain) for rule in boilerplate_rules())


def without_boilerplate(text: str, *, titles: Iterable[str] = ()) -> str:
    """Return a text without the lines that are not the article's.

    The headline goes where it is the first line, and a line that only repeats the one before it.

    Args:
        text: paragraphs on lines of their own.
        titles: the article's headline, in all wordings that are known.
    """
    kept: list[str] = []
    position = 0
    headlines = {comparable(title) for title in titles}
    for line in text.split("\n"):
        if position >= _TAIL_FROM * len(text) and ends_the_article(line):
            break
        position += len(line) + 1
        if not line or is_boilerplate(line) or (kept and line == kept[-1]):
            continue
        if not kept and comparable(line) in headlines:
            continue
        kept.append(line)
    return "\n".join(kept)
