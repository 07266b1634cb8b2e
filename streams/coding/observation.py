"""What the coder tells, while it codes, to whoever wants to know why: an observer that hears of each decision.

:class:`Observer` hears everything and keeps nothing: normal running uses it, at the price of a few empty calls for each
sentence. A subclass keeps what it needs (:mod:`explanation`). Observers only listen: nothing they do changes a coding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.mention import Mention
from streams.coding.arguments import Argument
from streams.coding.assembly import Act
from streams.coding.confidence import Trust
from streams.coding.forms import Forms
from streams.coding.lexicon import Lexicon
from streams.coding.matching import Match
from streams.coding.modality import Stance
from streams.coding.recognition import Recognised, Recogniser
from streams.coding.repetition import Reading
from streams.coding.roles import Filled
from streams.coding.text import Sentence
from streams.coding.tree import Tree
from streams.coding.trigger_words import Word
from streams.coding.triggers import Candidates

#: Why readings that met their constraints go: the trained model holds that the word tells no act here; a longer
#: expression holds them; another tells the same act of people; it is only an aim or asked for; another act of the
#: sentence tells it too.
Step = Literal["recognition", "expression", "outcome", "untold", "repetition"]


@dataclass(frozen=True, slots=True)
class Unmet:
    """The constraint that a match failed."""

    rule: Literal["require", "refuse", "needs", "disaster"]
    argument: str
    """The argument that the constraint is on, as the entry names it; for ``needs`` the slots, all empty."""
    wanted: tuple[str, ...]
    """Classes and lemmas required or refused."""
    found: tuple[Argument, ...] = ()
    """The arguments that were looked at."""


class Observer:
    """Hears of each decision about one article, in order; this one keeps nothing."""

    def sifted(self, sentences: Sequence[Sentence], candidates: Candidates, lexicon: Lexicon, forms: Forms) -> None:
        """Hear which sentences will be parsed, and with which tables."""

    def parsed(self, tree: Tree) -> None:
        """Hear of the parse of the next sentence, or of a piece of it where it passes the parser's cap."""

    def matched(self, alternatives: Sequence[Match]) -> None:
        """Hear which patterns one word carries, in the order in which they will be tried."""

    def tried(self, match: Match, filled: Filled, unmet: Unmet | None) -> None:
        """Hear that a match got its arguments, and which constraint it failed, if any: else it is taken."""

    def recognised(self, word: Word, as_what: Recognised, recogniser: Recogniser) -> None:
        """Hear what a trained model makes of a word."""

    def understood(self, reading: Reading, stance: Stance) -> None:
        """Hear of the modality of a reading."""

    def narrowed(self, step: Step, before: Sequence[Reading], after: Sequence[Reading]) -> None:
        """Hear which readings a step was given and which it left."""

    def merged(self, before: Sequence[Act], after: Sequence[Act]) -> None:
        """Hear which acts of a sentence are left once each is told once."""

    def settled(self, before: Sequence[Act], after: Sequence[Act]) -> None:
        """Hear which acts of the article are left once casualties of nobody's doing are gone."""

    def weighed(self, act: Act, mention: Mention, trust: Trust) -> None:
        """Hear of an act's mention and of what its confidence is made of."""


#: The observer of normal running.
UNOBSERVED = Observer()
