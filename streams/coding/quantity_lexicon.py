"""The words of quantities: what may be counted, what verbs say of those counted, approximations; loaded from data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, cast

from streams.coding.data_files import read_yaml
from streams.coding.numerals import NumeralReader
from streams.coding.patterns import PatternTrie
from streams.coding.tokens import fold, scan

Operator = Literal["=", "<=", ">=", "~"]
Role = Literal["active", "participle", "state", "dies", "noun"]


@dataclass(frozen=True, slots=True)
class CountedNoun:
    """What a noun says of a count: its kind, and the unit's name (a currency's ISO 4217 code for money)."""

    kind: str
    unit: str


@dataclass(frozen=True, slots=True)
class VerbSense:
    """What a verb or verbal noun says of those counted, and the ways it can be said; one form may have several."""

    kind: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class QuantityLexicon:
    """One language's words; the data file's comments say what each is for."""

    reader: NumeralReader
    nouns: PatternTrie[CountedNoun]
    verbs: PatternTrie[VerbSense]
    before: PatternTrie[Operator]
    after: PatternTrie[Operator]
    several: PatternTrie[None]
    joins: PatternTrie[None]
    name_leads: frozenset[str]
    year_leads: frozenset[str]
    be: frozenset[str]
    have: frozenset[str]
    agent: frozenset[str]
    adverbs: frozenset[str]
    prepositions: frozenset[str]
    comitative: frozenset[str]
    clause_openers: frozenset[str]
    tolls: frozenset[str]
    toll_prepositions: frozenset[str]
    of_them: PatternTrie[None]
    including: PatternTrie[None]
    definite: frozenset[str]
    maybe_troops: frozenset[str]
    words_before_noun: int
    no_noun_endings: tuple[str, ...]
    adjectives: frozenset[str]
    others: frozenset[str]
    none: frozenset[str]
    according: frozenset[str]
    between: frozenset[str]
    range_joins: frozenset[str]
    function_words: frozenset[str]
    between_joins: frozenset[str]
    vocabulary: frozenset[str]

    @classmethod
    def load(cls, language: str) -> Self:
        """Return the shipped lexicon of "fr" or "en"."""
        raw = read_yaml(f"quantities/{language}.yaml")
        nouns = PatternTrie(_nouns(raw["nouns"]), {})
        verbs = PatternTrie(_verbs(raw["verbs"]), {})
        before = PatternTrie(_operators(raw["approximators"]), {})
        after = PatternTrie(_operators(raw["after"]), {})
        several: PatternTrie[None] = PatternTrie(((phrase, None) for phrase in raw["several"]), {})
        of_them: PatternTrie[None] = PatternTrie(((phrase, None) for phrase in raw["of_them"]), {})
        including: PatternTrie[None] = PatternTrie(((phrase, None) for phrase in raw["including"]), {})
        joins: PatternTrie[None] = PatternTrie(((phrase, None) for phrase in raw["joins"]), {})
        return cls(
            reader=NumeralReader.load(language),
            nouns=nouns,
            verbs=verbs,
            before=before,
            after=after,
            several=several,
            joins=joins,
            name_leads=_words(raw["name_leads"]),
            year_leads=_words(raw["year_leads"]),
            be=_words(raw["be"]),
            have=_words(raw["have"]),
            agent=_words(raw["agent"]),
            adverbs=_words(raw["adverbs_after_verb"]),
            prepositions=_words(raw["prepositions"]),
            comitative=_words(raw["comitative"]),
            clause_openers=_words(raw["clause_openers"]),
            tolls=_words(raw["tolls"]),
            toll_prepositions=_words(raw["toll_prepositions"]),
            of_them=of_them,
            including=including,
            definite=_words(raw["definite"]),
            maybe_troops=frozenset(raw["maybe_troops"]),
            words_before_noun=raw["words_before_noun"],
            no_noun_endings=tuple(raw["no_noun_endings"]),
            adjectives=_words(raw["adjectives"]),
            others=_words(raw["others"]),
            none=_words(raw["none"]),
            according=_words(raw["according"]),
            between=_words(raw["between"]),
            range_joins=_words(raw["range_joins"]),
            function_words=_words([*raw["closed_class"], *raw["be"], *raw["have"]]),
            between_joins=_words(raw["between_joins"]),
            vocabulary=frozenset().union(
                *(trie.symbols for trie in (nouns, verbs, before, after, several, joins, of_them, including))
            ),
        )


def _words(entries: Iterable[str]) -> frozenset[str]:
    """Return the folded words of entries; of a phrase the first, which is what stands beside the number's left."""
    return frozenset(next(scan(entry)).folded for entry in entries)


def _operators(raw: Mapping[str, Sequence[str]]) -> list[tuple[str, Operator]]:
    return [(phrase, cast(Operator, operator)) for operator, phrases in raw.items() for phrase in phrases]


def _nouns(raw: Mapping[str, Sequence[str]]) -> list[tuple[str, CountedNoun]]:
    found = []
    for kind, entries in raw.items():
        for entry in entries:
            name, _, code = entry.partition("=")
            unit = code or name.split("|")[0].replace("/e", "")
            forms = name.split("|") if "|" in name else [name]
            patterns = [" ".join(f"({'|'.join(_inflected(word))})" for word in form.split()) for form in forms]
            found += [(pattern, CountedNoun(kind, unit)) for pattern in patterns]
    return found


def _inflected(word: str) -> list[str]:
    """Return a noun's forms: singular, plural, and with "/e" the feminine of each."""
    stem, feminine, _ = word.partition("/e")
    stems = [stem, stem + "e"] if feminine else [stem]
    plain = [form.replace("'", " ") for form in stems]
    return plain + [form + "s" for form in plain if not form.endswith(("s", "x", "z"))]


def _verbs(raw: Mapping[str, Mapping[str, Sequence[str]]]) -> list[tuple[str, VerbSense]]:
    roles: dict[tuple[str, str], set[Role]] = {}
    for kind, entries_of in raw.items():
        for manner, entries in entries_of.items():
            for entry in entries:
                for form, role in _verb_forms(manner, entry):
                    roles.setdefault((fold(form), kind), set()).add(role)
    return [(form, VerbSense(kind, frozenset(found))) for (form, kind), found in roles.items()]


def _verb_forms(manner: str, entry: str) -> list[tuple[str, Role]]:
    if manner == "er":
        stem = fold(entry).removesuffix("er")
        past: list[tuple[str, Role]] = [(stem + ending, "participle") for ending in ("e", "ee", "es", "ees")]
        return past + [(stem + ending, "active") for ending in _ER_ACTIVE]
    if manner == "regular":
        stem = entry.removesuffix("e")
        return [(stem + "ed", "participle"), (stem + "ing", "active"), (entry + "s", "active"), (entry, "active")]
    if manner == "noun":
        return [(form, "noun") for form in ([entry] if " " in entry else [entry, entry + "s"])]
    return [(entry, cast(Role, manner))]


# The endings of French first-group verbs, folded; those of the participle ("e" is also the present's) are apart.
_ER_ACTIVE = ("er", "ent", "ait", "aient", "a", "erent", "era", "eront", "erait", "eraient", "ant", "ons", "ez")
