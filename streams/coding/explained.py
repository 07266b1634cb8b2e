"""What an explanation is made of: sentences, the readings they could have, and what became of each. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from schemas.mention import Mention
from streams.coding.coder import Coding
from streams.coding.lexicon import Entry
from streams.coding.modality import Stance
from streams.coding.text import Sentence
from streams.coding.tree import Tree

Verdict = Literal[
    "coded",
    "doubtful",
    "mishap",
    "repeated",
    "untold",
    "merged",
    "contained",
    "unrecognised",
    "outranked",
    "constraint",
    "construction",
]
"""What became of a candidate, the farther it got the earlier in this list.

``coded``: a mention. ``doubtful``: its confidence is too low. ``mishap``: casualties of nobody's doing. ``repeated``:
another act of the sentence tells it. ``untold``: a mere aim, or asked for. ``merged``: another reading tells it with
what it did to people. ``contained``: part of a longer expression that was read. ``unrecognised``: the trained model
holds that the word tells no act here. ``outranked``: another pattern on the same word came first, or the trained model
reads the word as another type. ``constraint``: a constraint of its entry failed. ``construction``: its words are there,
but do not stand as the pattern wants them.
"""

Use = Literal["for acts", "for context", "heading", "no trigger"]
"""How a sentence was read: parsed for acts; parsed only because the next refers back to it; left out."""


@dataclass(frozen=True, slots=True)
class RoleFound:
    """A phrase that the frame found for a side of an act, before anything was resolved."""

    text: str
    source: str
    """Where the frame found it: ``subject``, ``object``, a preposition."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A lexicon pattern whose words stand in a sentence, and what became of it."""

    words: str
    """The words of the pattern, as in the text."""
    start: int
    """Offset of the first of them in the article's text, in code points."""
    entry: Entry
    file: str
    """The lexicon file that holds the entry."""
    part_of_speech: str
    verdict: Verdict
    reason: str
    actors: tuple[RoleFound, ...] = ()
    targets: tuple[RoleFound, ...] = ()
    governor: str = ""
    """The verb that carries tense and negation; empty where no arguments were looked for."""
    stance: Stance | None = None
    mention: Mention | None = None
    """Its mention, for ``coded`` and ``doubtful``."""
    features: Mapping[str, float] = field(default_factory=dict)
    """The features that the mention's confidence is made of."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A lexicon pattern whose first word stands in a sentence that lacks another of its words."""

    entry: Entry
    file: str
    words: str
    """The pattern, as lemmas."""
    missing: tuple[str, ...]
    """Lemmas one of which the sentence would need."""


@dataclass(frozen=True, slots=True)
class SentenceRead:
    """A sentence and all that was decided about it."""

    sentence: Sentence
    text: str
    read: Use
    trees: tuple[Tree, ...]
    """Its parse; more than one where it passes the parser's cap; none where it was not parsed."""
    candidates: tuple[Candidate, ...]
    """In order of their words; of those on one word, in the order in which they were tried."""
    lacking: tuple[Lacking, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """An article's coding, sentence by sentence."""

    coding: Coding
    sentences: tuple[SentenceRead, ...]
    """Empty where the article was not read: in another language, empty, killed."""
