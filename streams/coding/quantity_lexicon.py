"""The words of quantities: what may be counted, what verbs say of those counted, approximations; loaded from data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

from streams.coding.numerals import NumeralReader, read_data
from streams.coding.patterns import PatternTrie
from streams.coding.tokens import fold, scan

Operator = Literal["=", "<=", ">=", "~"]
Role = Literal["active", "participle", "dies", "noun"]


@dataclass(frozen=True, slots=True)
class CountedNoun:
    """What a noun says of a count: its kind, and the unit's name (a currency's ISO 4217 code for money)."""

    kind: str
    unit: str


@dataclass(frozen=True, slots=True)
class VerbSense:
    """What a verb or verbal noun says of those counted."""

    kind: str
    role: Role


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
    adjectives: frozenset[str]
    others: frozenset[str]
    none: frozenset[str]
    between: frozenset[str]
    range_joins: frozenset[str]
    closed_class: frozenset[str]
    vocabulary: frozenset[str]

    @classmethod
    def load(cls, language: str) -> Self:
        """Return the shipped lexicon of "fr" or "en"."""
        raw = read_data("quantities", f"{language}.yaml")
        nouns = PatternTrie(_nouns(raw["nouns"]), {})
        verbs = PatternTrie(_verbs(language, raw["verbs"]), {})
        before = PatternTrie(_operators(raw["approximators"]), {})
        after = PatternTrie(_operators(raw["after"]), {})
        several: PatternTrie[None] = PatternTrie(((phrase, None) for phrase in raw["several"]), {})
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
            adjectives=_words(raw["adjectives"]),
            others=_words(raw["others"]),
            none=_words(raw["none"]),
            between=_words(raw["between"]),
            range_joins=_words(raw["range_joins"]),
            closed_class=_words(raw["closed_class"]),
            vocabulary=frozenset(nouns.symbols | verbs.symbols | before.symbols | after.symbols | several.symbols | joins.symbols),
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


def _verbs(language: str, raw: Mapping[str, Mapping[str, Sequence[str]]]) -> list[tuple[str, VerbSense]]:
    found: list[tuple[str, VerbSense]] = []
    for kind, roles in raw.items():
        for role, entries in roles.items():
            for entry in entries:
                found += _verb_forms(language, kind, role, entry)
    return found


def _verb_forms(language: str, kind: str, role: str, entry: str) -> list[tuple[str, VerbSense]]:
    if role == "er":
        stem = fold(entry).removesuffix("er")
        return [
            *((stem + ending, VerbSense(kind, "participle")) for ending in ("e", "ee", "es", "ees")),
            *((stem + ending, VerbSense(kind, "active")) for ending in _ER_ACTIVE),
        ]
    if role == "regular":
        past = entry + ("d" if entry.endswith("e") else "ed")
        present = (entry.removesuffix("e") + "ing", entry + "s", entry)
        return [(past, VerbSense(kind, "participle")), *((form, VerbSense(kind, "active")) for form in present)]
    if role == "noun":
        plural = [entry + "s"] if " " not in entry else []
        return [(form, VerbSense(kind, "noun")) for form in (entry, *plural)]
    return [(entry, VerbSense(kind, cast(Role, role)))]


# The endings of French first-group verbs, folded; those of the participle ("e" is also the present's) are apart.
_ER_ACTIVE = ("er", "ent", "ait", "aient", "a", "erent", "era", "eront", "erait", "eraient", "ant", "ons", "ez")

LexiconData = Mapping[str, Any]
