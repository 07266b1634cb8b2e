"""The number words of one language, loaded from data. How they combine is in `numerals`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from streams.coding.data_files import read_yaml
from streams.coding.tokens import fold, scan


def _folded(words: Mapping[str, int]) -> dict[str, int]:
    return {fold(word): value for word, value in words.items()}


@dataclass(frozen=True, slots=True)
class NumeralLexicon:
    """The number words of one language; the data file says what each field means."""

    articles: dict[str, int]
    units: dict[str, int]
    teens: dict[str, int]
    tens: dict[str, int]
    fourscore: tuple[str, frozenset[str]] | None
    teens_after: frozenset[int]
    units_after_ten: bool
    tens_join: str
    hundreds: frozenset[str]
    hundreds_join: str
    scales: dict[str, int]
    scales_with_de: frozenset[str]
    collectives: dict[str, int]
    plural_collectives: dict[str, int]
    vague: dict[str, int]
    least_of: dict[str, int]
    halves: frozenset[str]
    half_after: tuple[str, ...]
    of: frozenset[str]
    ordinal_suffixes: frozenset[str]
    ordinals: dict[str, int]
    clock_words: frozenset[str]
    suffixes: dict[str, int]
    group_by_space: bool
    decimal_mark: str

    @classmethod
    def load(cls, language: str) -> Self:
        """Return the shipped lexicon of a language ("fr" or "en")."""
        raw = read_yaml(f"numerals/{language}.yaml")
        collectives = _folded(raw["collectives"])
        fourscore = raw["fourscore"]
        return cls(
            articles=_folded(raw["articles"]),
            units=_folded(raw["units"]),
            teens=_folded(raw["teens"]),
            tens=_folded(raw["tens"]),
            fourscore=(fourscore[0], frozenset(fourscore[1])) if fourscore else None,
            teens_after=frozenset(raw["teens_after"]),
            units_after_ten=raw["units_after_ten"],
            tens_join=raw["tens_join"],
            hundreds=frozenset(raw["hundreds"]),
            hundreds_join=raw["hundreds_join"],
            scales=_folded(raw["scales"]),
            scales_with_de=frozenset(raw["scales_with_de"]),
            collectives=collectives,
            plural_collectives={word + raw["plural_suffix"]: value for word, value in collectives.items()},
            vague=_folded(raw["vague"]),
            least_of=_folded(raw["least_of"]),
            halves=frozenset(raw["halves"]),
            half_after=tuple(token.folded for token in scan(raw["half_after"])),
            of=frozenset(raw["of"]),
            ordinal_suffixes=frozenset(raw["ordinal_suffixes"]),
            ordinals=_folded(raw["ordinals"]),
            clock_words=frozenset(raw["clock_words"]),
            suffixes=raw["suffixes"],
            group_by_space=raw["group_by_space"],
            decimal_mark=raw["decimal_mark"],
        )

    def openings(self) -> frozenset[str]:
        """Return every word that a number in words can begin with."""
        fourscore = frozenset() if self.fourscore is None else frozenset({self.fourscore[0]})
        tables = (self.articles, self.units, self.teens, self.tens, self.scales, self.plural_collectives, self.vague)
        return fourscore.union(self.ordinals, self.hundreds, self.halves, *tables)
