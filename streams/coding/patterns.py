"""A small pattern language over tokens, compiled into a trie that is walked in bounded time at each token.

Patterns are data. Written as phrases: `il y a NUMBER UNIT`, `(le|ce)? WEEKDAY DAY MONTH YEAR?`.

    word        the word itself, folded; what the tokenizer splits is split ("avant-hier" is three tokens)
    CLASS       any token of that class, captured under its name in lower case; `DAY:to` is captured as "day_to"
    ( | )       alternatives, each a sequence
    x?          x or nothing
    ~x          x, glued to the token before it
    $NAME       a macro, put in its place before reading

A pattern never repeats, so it has a longest length and the walk at one token is bounded by the grammar, not the text.
The module does not know what a class means: whoever compiles the trie says which symbols a token answers to.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from streams.coding.tokens import Token, scan

Payload = TypeVar("Payload")

_READ = re.compile(r"\(|\)|\||\?|~?[^\s()|?]+")
_CLASS = re.compile(r"(?P<glued>~?)(?P<name>[A-Z][A-Z0-9]*)(?::(?P<label>[a-z_]+))?\Z")
_MOST_EXPANSIONS = 20_000


@dataclass(frozen=True, slots=True)
class Step:
    """One token of an expanded pattern.

    Attributes:
        symbol: What the token must answer to; "~" in front where it must be glued.
        label: Name under which the token's value is captured; None for plain words.
    """

    symbol: str
    label: str | None


@dataclass(frozen=True, slots=True)
class Match(Generic[Payload]):
    """A pattern found.

    Attributes:
        start: Index of the first token.
        end: Index after the last.
        payload: What the pattern was compiled with.
        captures: (label, token index, class) of each captured token, in order.
    """

    start: int
    end: int
    payload: Payload
    captures: tuple[tuple[str, int, str], ...]


@dataclass(slots=True)
class _Node(Generic[Payload]):
    children: dict[str, "_Node[Payload]"] = field(default_factory=dict)
    leaf: tuple[int, Payload, tuple[Step, ...]] | None = None


class PatternError(ValueError):
    """A pattern that can't be read; the message names it."""


def expand(pattern: str, macros: Mapping[str, str]) -> list[tuple[Step, ...]]:
    """Return every sequence of tokens that a pattern stands for.

    Args:
        pattern: The pattern.
        macros: Macro name to its text.

    Raises:
        PatternError: Unbalanced, empty, with an unknown macro, or standing for too many sequences.
    """
    text = pattern
    for _ in range(10):
        if "$" not in text:
            break
        try:
            text = re.sub(r"\$([A-Z_]+)", lambda found: f"({macros[found.group(1)]})", text)
        except KeyError as error:
            raise PatternError(f"pattern {pattern!r}: no macro {error}") from error
    reader = _Reader(pattern, _READ.findall(text))
    sequences = reader.alternatives()
    if reader.rest:
        raise PatternError(f"pattern {pattern!r}: unbalanced at {reader.rest[0]!r}")
    if any(not sequence for sequence in sequences):
        raise PatternError(f"pattern {pattern!r} can match nothing at all")
    return sequences


class _Reader:
    """Reads one pattern by recursive descent."""

    def __init__(self, pattern: str, pieces: list[str]) -> None:
        self._pattern = pattern
        self.rest = pieces

    def alternatives(self) -> list[tuple[Step, ...]]:
        found = self._sequence()
        while self.rest and self.rest[0] == "|":
            self.rest = self.rest[1:]
            found = found + self._sequence()
        return found

    def _sequence(self) -> list[tuple[Step, ...]]:
        sequences: list[tuple[Step, ...]] = [()]
        while self.rest and self.rest[0] not in {"|", ")"}:
            piece, self.rest = self.rest[0], self.rest[1:]
            if piece == "(":
                options = self.alternatives()
                if not self.rest or self.rest[0] != ")":
                    raise PatternError(f"pattern {self._pattern!r}: a parenthesis is not closed")
                self.rest = self.rest[1:]
            elif piece == "?":
                raise PatternError(f"pattern {self._pattern!r}: a question mark with nothing before it")
            else:
                options = [_steps(piece)]
            if self.rest and self.rest[0] == "?":
                self.rest = self.rest[1:]
                options = [(), *options]
            sequences = [head + tail for head in sequences for tail in options]
            if len(sequences) > _MOST_EXPANSIONS:
                raise PatternError(f"pattern {self._pattern!r} stands for more than {_MOST_EXPANSIONS} sequences")
        return sequences


def _steps(piece: str) -> tuple[Step, ...]:
    as_class = _CLASS.match(piece)
    if as_class is not None:
        name = as_class["name"]
        label = name.lower() + (f"_{as_class['label']}" if as_class["label"] else "")
        return (Step(as_class["glued"] + name, label),)
    glued, word = ("~", piece[1:]) if piece.startswith("~") and len(piece) > 1 else ("", piece)
    folded = [token.folded for token in scan(word)]
    return tuple(Step((glued if at == 0 else "") + part, None) for at, part in enumerate(folded))


class PatternTrie(Generic[Payload]):
    """Patterns of one language, compiled."""

    def __init__(self, patterns: Iterable[tuple[str, Payload]], macros: Mapping[str, str]) -> None:
        """Compile patterns.

        Args:
            patterns: (pattern, payload); of two that match the same tokens the earlier wins.
            macros: Macro name to its text.

        Raises:
            PatternError: A pattern can't be read.
        """
        self._root: _Node[Payload] = _Node()
        self.symbols: set[str] = set()
        for order, (pattern, payload) in enumerate(patterns):
            for steps in expand(pattern, macros):
                node = self._root
                for step in steps:
                    self.symbols.add(step.symbol)
                    node = node.children.setdefault(step.symbol, _Node())
                if node.leaf is None:
                    node.leaf = (order, payload, steps)

    def longest(self, tokens: Sequence[Token], symbols: Sequence[tuple[str, ...]], at: int) -> Match[Payload] | None:
        """Return the longest match that begins at a token; arguments as in `matches`."""
        return next(self.matches(tokens, symbols, at), None)

    def matches(self, tokens: Sequence[Token], symbols: Sequence[tuple[str, ...]], at: int) -> Iterator[Match[Payload]]:
        """Yield the matches that begin at a token, the longest first, one of each length.

        Args:
            tokens: The text's tokens.
            symbols: For each token, what it answers to ("~" forms included where it is glued).
            at: Index of the first token.
        """
        found: list[tuple[int, tuple[int, Payload, tuple[Step, ...]]]] = []
        frontier = [self._root]
        position = at
        while position < len(tokens):
            if position > at and tokens[position].parted:
                break
            answers = symbols[position]
            frontier = [node.children[symbol] for node in frontier for symbol in answers if symbol in node.children]
            if not frontier:
                break
            position += 1
            leaves = [node.leaf for node in frontier if node.leaf is not None]
            if leaves:
                found.append((position, min(leaves, key=lambda leaf: leaf[0])))
        for end, (_, payload, steps) in reversed(found):
            captures = tuple(
                (step.label, at + index, step.symbol.lstrip("~"))
                for index, step in enumerate(steps)
                if step.label is not None
            )
            yield Match(at, end, payload, captures)
