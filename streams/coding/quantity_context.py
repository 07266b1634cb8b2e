"""What the words about a count say became of those counted: killed, wounded, arrested.

It looks at the tokens beside a count, within a few words and one sentence, and knows three places: a verb to the left
that has the count as its object ("a tué deux soldats"), a verbal noun before "de" ("la mort de deux soldats"), and a
participle or verb to the right ("deux soldats ont été tués", "deux soldats tués"). No parse is used: an object far from
its verb is missed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from streams.coding.patterns import Match, PatternTrie
from streams.coding.quantity_lexicon import QuantityLexicon, VerbSense
from streams.coding.tokens import Token

_SENTENCE_ENDS = frozenset(".!?;:…")
_OF = frozenset({"de", "d", "des", "of"})
_OF_WHOM = _OF | {"du"}
_SAID_OF_THEM = frozenset({"participle", "state"})
_HAS_OBJECT = frozenset({"active", "participle"})
_REACH_LEFT, _REACH_RIGHT = 6, 12
_WORDS_TO_PARTICIPLE = 5  # what may stand between "été" and its participle
_WORDS_BESIDE = 3  # what may stand between the noun and a participle beside it: "20 soldats de l'armée tués"
_TOLL = VerbSense("dead", frozenset({"noun"}))

Source = Literal["noun", "left", "right", "joined"]
Payload = TypeVar("Payload")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of those counted, and where the text says so."""

    kind: str
    source: Source


class Context:
    """A text's tokens, with what each answers to in the lexicon's patterns looked up once."""

    def __init__(self, lexicon: QuantityLexicon, tokens: Sequence[Token]) -> None:
        self.lexicon = lexicon
        self.tokens = tokens
        self._symbols: list[tuple[str, ...]] = [
            (token.folded,) if token.folded in lexicon.vocabulary else () for token in tokens
        ]

    def token(self, at: int) -> Token | None:
        """Return a token, or null outside the text."""
        return self.tokens[at] if 0 <= at < len(self.tokens) else None

    def longest(self, trie: PatternTrie[Payload], at: int) -> Match[Payload] | None:
        """Return the longest match of a pattern that begins at a token, or null outside the text."""
        if not 0 <= at < len(self.tokens) or not self._symbols[at]:
            return None
        return trie.longest(self.tokens, self._symbols, at)

    def participle(self, at: int) -> VerbSense | None:
        """Return the sense of a participle that begins at a token: "3 killed", "trois tués"."""
        match = self.longest(self.lexicon.verbs, at)
        return match.payload if match is not None and match.payload.roles & _SAID_OF_THEM else None

    def including_before(self, at: int) -> bool:
        """True where "dont", "including" stands right before a token."""
        matches = (self.longest(self.lexicon.including, position) for position in range(max(0, at - 3), at))
        return any(match is not None and match.end == at for match in matches)

    def verb_before(self, at: int) -> VerbSense | None:
        """Return the sense of the verb right before a token: "tuant 12", "wounding 30"."""
        for position in range(max(0, at - 2), at):
            match = self.longest(self.lexicon.verbs, position)
            if match is not None and match.end == at and match.payload.roles & _HAS_OBJECT:
                return None if self._is_passive(position) else match.payload
        return None

    def toll_before(self, at: int) -> VerbSense | None:
        """Return the sense of a toll that a verb brings to a bare number: "the death toll rose to 15"."""
        before = self.token(at - 1)
        if before is None or before.folded not in self.lexicon.toll_prepositions:
            return None
        for position in range(at - 2, max(-1, at - 2 - _REACH_LEFT), -1):
            if self.tokens[position].folded in _SENTENCE_ENDS:
                return None
            if self.tokens[position].folded in self.lexicon.tolls:
                return _TOLL
        return None

    def left(self, at: int) -> VerbSense | None:
        """Return the sense of the verb or verbal noun that has what begins at a token as its object."""
        for position in range(at - 1, max(-1, at - 1 - _REACH_LEFT), -1):
            token = self.tokens[position]
            counted = token.kind == "number" and token.form != "article"
            by_them = token.folded in self.lexicon.agent
            if counted or by_them or token.folded in _SENTENCE_ENDS or self.tokens[position + 1].parted:
                return None
            match = self.longest(self.lexicon.verbs, position)
            if match is not None and match.end <= at and not self._hyphenated(match.end):
                return match.payload if self._has_object(match, at) else None
        return None

    def _has_object(self, verb: Match[VerbSense], at: int) -> bool:
        """True where what begins at a token is the object of a verb or verbal noun before it."""
        before = self.tokens[at - 1].folded if verb.end < at else ""
        between = {token.folded for token in self.tokens[verb.end : at - 1]}
        if "noun" in verb.payload.roles and before in _OF and not between & _OF_WHOM:
            return True  # "la mort de huit soldats", "l'arrestation lundi à Metz de huit soldats"
        if self._is_passive(verb.start):
            return before in self.lexicon.comitative  # "il a été arrêté avec huit autres"
        return before not in self.lexicon.prepositions and bool(verb.payload.roles & _HAS_OBJECT)

    def _is_passive(self, at: int) -> bool:
        before = self.token(at - 1)
        return before is not None and before.folded in self.lexicon.be

    def _hyphenated(self, at: int) -> bool:
        """True where a hyphen without a gap stands at an index: "à tue-tête" kills nobody."""
        token = self.token(at)
        return token is not None and token.folded == "-" and token.glued

    def right(self, at: int) -> VerbSense | None:
        """Return the sense of the participle or verb said of those counted, after the noun that ends at a token."""
        lexicon = self.lexicon
        found: VerbSense | None = None
        auxiliary: Literal["", "be", "have"] = ""
        words = 0
        position, last = at, min(len(self.tokens), at + _REACH_RIGHT)
        while position < last:
            token = self.tokens[position]
            counted = token.kind == "number" and token.form != "article"
            if counted or token.parted or token.folded in _SENTENCE_ENDS:
                break
            match = self.longest(lexicon.verbs, position)
            if match is not None:
                if "dies" in match.payload.roles:
                    return match.payload  # dying says more than the wounds before it
                if found is None:
                    if auxiliary == "have" or not match.payload.roles & _SAID_OF_THEM:
                        return None  # "les policiers ont tué": they are the doers
                    if words <= (_WORDS_TO_PARTICIPLE if auxiliary else _WORDS_BESIDE):
                        found = match.payload
                position = match.end
                continue
            if found is None and token.folded in lexicon.clause_openers:
                break
            if token.folded in lexicon.be:
                auxiliary, words = "be", 0
            elif token.folded in lexicon.have:
                auxiliary, words = "have", 0
            elif token.kind == "word" and token.folded not in lexicon.adverbs:
                words += 1
            position += 1
        return found
