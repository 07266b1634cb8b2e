"""The lexicon: which words carry which political act, with whom in which role. Data in, validated tables out.

Reads ``data/lexicon/<language>/*.yaml`` and checks it (pydantic); an error names the file and the entry. Does not look
at any text: :mod:`triggers` finds the words and :mod:`matching` applies the frames. The format is explained in
docs/coder.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.mention import PloverType
from streams.coding.data_files import list_files, read_yaml
from streams.coding.text import fold

PartOfSpeech = Literal["verb", "noun", "adjective"]
Slot = Literal["actor", "target", "place", "date", "quantity", "support"]

#: Files of a language's folder that are not lists of entries.
_SUPPORT_FILES = frozenset({"sentences.yaml", "frames.yaml", "classes.yaml", "words.yaml"})


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Roles(_Checked):
    """Where a predicate's parties stand, best source first.

    A source is ``subject``, ``object``, ``indirect`` (the dative, pronouns included), ``adjective`` (relational:
    "israélien"), ``possessive`` ("son", "its", "Israel's"), ``support`` (the subject of a support verb), or a
    preposition ("contre", "par", "de"). ``source?CLASS`` takes it only if its head is of that class.
    """

    actor: tuple[str, ...] = ()
    target: tuple[str, ...] = ()


class Frame(_Checked):
    """A named frame: roles for verbs and for nouns, so that one entry can hold a verb and its nominalisation."""

    verb: Roles = Roles()
    noun: Roles = Roles()
    mutual: bool = False
    """True where both sides act (a meeting, a clash): what is found with "avec" or "entre" is an actor's peer."""


class Entry(_Checked):
    """One lexicon entry: words that share a frame, a type and constraints."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_.\-]*$")
    verbs: tuple[str, ...] = ()
    nouns: tuple[str, ...] = ()
    adjectives: tuple[str, ...] = ()
    frame: str
    type: PloverType
    mode: str | None = None
    cameo: str | None = Field(default=None, pattern=r"^\d{2,4}$")
    require: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Role or source → classes or lemmas one of which must head it. ``modifier`` means any word in its noun phrase."""
    refuse: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Role or source → classes or lemmas none of which may head it."""
    needs: tuple[Slot, ...] = ()
    """At least one of these must be filled from the sentence, or the word carries no act."""
    negated: PloverType | None = None
    """The type that the negated predicate has ("ne reconnaît pas" → REJECT); default: the same act, denied."""
    planned: PloverType | None = None
    """The type that the announced act has, where it differs from the table of the ontology."""
    outcome: bool = False
    """True for what an act does to people ("blessés", "tués"): merged with the act that its own clause names."""
    weight: float = Field(default=1.0, gt=0, le=1)
    """How surely the word alone carries the act, as the lexicographer judges it; the confidence does not use it."""
    examples: tuple[str, ...] = ()
    """Own sentences, at least one in a lexicon file: a test codes each."""
    counter: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_words(self) -> Entry:
        if not (self.verbs or self.nouns or self.adjectives):
            raise ValueError(f"entry {self.id}: needs verbs, nouns or adjectives")
        return self


class LexiconFile(_Checked):
    """One file of entries."""

    source: str = Field(min_length=10)
    licence: str = Field(min_length=3)
    defaults: Mapping[str, Any] = Field(default_factory=dict)
    entries: tuple[Mapping[str, Any], ...]


class Pattern(_Checked):
    """One word or expression of an entry, ready to be found: the head's lemma first, then the rest in order."""

    entry: Entry
    pos: PartOfSpeech
    head: str
    """Folded lemma of the head."""
    spelling: str
    """The head as the lexicon writes it, in lower case."""
    rest: tuple[str, ...] = ()
    """Folded lemmas or forms that follow the head, small gaps allowed; articles are left out."""
    reflexive: bool = False
    clitic: str = ""
    """The pronoun that must stand before the verb: "en" in "s'en prendre", "y" in "y aller"."""


class Lexicon:
    """A language's entries, frames, classes and small word lists."""

    def __init__(
        self,
        language: str,
        entries: Iterable[Entry],
        frames: Mapping[str, Frame],
        classes: Mapping[str, frozenset[str]],
        words: Mapping[str, Any],
        *,
        files: Mapping[str, str],
    ) -> None:
        """Index the entries by the folded lemma of their heads; ``files`` names the file that holds each, by its id."""
        self.language = language
        self.entries = tuple(entries)
        self.frames = frames
        self.classes = classes
        self.words = words
        self.files = files
        patterns: dict[str, list[Pattern]] = defaultdict(list)
        articles = frozenset(fold(w) for w in words["articles"])
        for entry in self.entries:
            for pattern in _patterns(entry, articles, language):
                patterns[pattern.head].append(pattern)
        self.patterns: dict[str, tuple[Pattern, ...]] = {
            head: tuple(sorted(found, key=_specificity, reverse=True)) for head, found in patterns.items()
        }
        self._asked: dict[int, tuple[frozenset[str], ...]] = {}
        self._sets: dict[str, frozenset[str]] = {}
        listed = {fold(w) for group in words.values() if isinstance(group, list) for w in group}
        parts = {w for found in self.patterns.values() for pattern in found for w in pattern.rest}
        constrained = {
            fold(w) for e in self.entries for group in (*e.require.values(), *e.refuse.values()) for w in group
        }
        self._vocabulary = frozenset(listed | parts | constrained).union(*classes.values())

    def words_asked_for(self, pattern: Pattern) -> tuple[frozenset[str], ...]:
        """Return, for each constraint that only words can meet, the folded lemmas one of which the sentence must hold.

        A constraint that a name, a pronoun or a resolver may meet asks for no word.
        """
        key = id(pattern.entry)
        if key not in self._asked:
            asked = [
                frozenset().union(*(self.classes.get(name, frozenset({fold(name)})) for name in names))
                for names in pattern.entry.require.values()
                if not any(name in BUILT_IN_CLASSES for name in names)
            ]
            self._asked[key] = tuple(asked)
        return self._asked[key]

    def knows(self, lemma: str) -> bool:
        """Say whether a folded lemma is in the lexicon: as the head of a pattern, in a class or in a word list."""
        return lemma in self.patterns or lemma in self._vocabulary

    def word_set(self, name: str) -> frozenset[str]:
        """Return a named list of ``words.yaml``, folded."""
        if name not in self._sets:
            self._sets[name] = frozenset(fold(w) for w in self.words.get(name, ()))
        return self._sets[name]

    def in_class(self, lemma: str, names: Iterable[str]) -> bool:
        """Say whether a folded lemma is of one of the classes, or is itself among the names."""
        return any(lemma in self.classes[name] if name in self.classes else lemma == fold(name) for name in names)


def _specificity(pattern: Pattern) -> tuple[int, int, str]:
    entry = pattern.entry
    constraints = len(entry.require) + (len(entry.needs) > 0)
    return (len(pattern.rest) * 2 + pattern.reflexive + bool(pattern.clitic), constraints, entry.id)


def _patterns(entry: Entry, articles: frozenset[str], language: str) -> Iterable[Pattern]:
    listed: tuple[tuple[PartOfSpeech, tuple[str, ...]], ...] = (
        ("verb", entry.verbs),
        ("noun", entry.nouns),
        ("adjective", entry.adjectives),
    )
    for pos, expressions in listed:
        for expression in expressions:
            plain = expression.replace("’", "'")
            reflexive = False
            if language == "fr" and pos == "verb":
                for clitic in ("se ", "s'"):
                    if plain.startswith(clitic):
                        reflexive, plain = True, plain[len(clitic) :]
            words = [w for w in plain.replace("'", "' ").split() if fold(w) not in articles]
            clitic = words.pop(0) if _starts_with_clitic(words, pos, language) else ""
            yield Pattern(
                entry=entry,
                pos=pos,
                head=fold(words[0]),
                spelling=words[0].lower(),
                rest=tuple(fold(w) for w in words[1:]),
                reflexive=reflexive,
                clitic=clitic,
            )


def _starts_with_clitic(words: list[str], pos: PartOfSpeech, language: str) -> bool:
    """Say whether a verbal expression starts with a pronoun before its verb ("en découdre avec")."""
    verbal = language == "fr" and pos == "verb" and len(words) > 1
    return verbal and words[0] in {"en", "y"} and fold(words[1]).endswith(("er", "ir", "re"))


def lexicon_files(language: str) -> tuple[str, ...]:
    """Return the paths of a language's lexicon files, support files included."""
    return list_files(f"lexicon/{language}", ".yaml")


@lru_cache(maxsize=4)
def load_lexicon(language: str) -> Lexicon:
    """Read and check a language's lexicon.

    Raises:
        ValueError: if a file, an entry, a frame or a class is wrong; the message names the file and the entry.
    """
    folder = f"lexicon/{language}"
    frames = {name: Frame.model_validate(frame) for name, frame in read_yaml(f"{folder}/frames.yaml")["frames"].items()}
    raw_classes: dict[str, list[str]] = read_yaml(f"{folder}/classes.yaml")["classes"]
    words: dict[str, Any] = read_yaml(f"{folder}/words.yaml")
    entries: list[Entry] = []
    origin: dict[str, str] = {}
    for path in lexicon_files(language):
        if path.rsplit("/", 1)[1] in _SUPPORT_FILES:
            continue
        for entry in _read_entries(path):
            if entry.id in origin:
                raise ValueError(f"{path}: entry {entry.id} is already in {origin[entry.id]}")
            if entry.frame not in frames:
                raise ValueError(f"{path}: entry {entry.id}: no frame {entry.frame} in {folder}/frames.yaml")
            for name in [c for group in (*entry.require.values(), *entry.refuse.values()) for c in group]:
                if name.isupper() and name not in raw_classes and name not in BUILT_IN_CLASSES:
                    raise ValueError(f"{path}: entry {entry.id}: no class {name} in {folder}/classes.yaml")
            origin[entry.id] = path
            entries.append(entry)
    return Lexicon(language, entries, frames, _expand_classes(raw_classes, folder, language), words, files=origin)


#: Classes decided by the resolvers and the parse, not by a word list.
BUILT_IN_CLASSES = frozenset({"COUNTRY", "NAME", "ACTOR", "NUMBER", "PRONOUN", "PLURAL", "PLACE", "ANY"})


def _read_entries(path: str) -> Iterable[Entry]:
    try:
        file = LexiconFile.model_validate(read_yaml(path))
    except ValidationError as exc:
        raise ValueError(f"{path}: {exc}") from exc
    for raw in file.entries:
        try:
            entry = Entry.model_validate({**file.defaults, **raw})
        except ValidationError as exc:
            raise ValueError(f"{path}: entry {raw.get('id', raw)}: {exc}") from exc
        if not entry.examples:
            raise ValueError(f"{path}: entry {entry.id}: examples: at least one is needed")
        yield entry


def _genders(word: str, language: str) -> set[str]:
    """Return a folded noun with its possible feminine forms ("policier", "policiere")."""
    if language != "fr" or len(word) < 5:
        return {word}
    out = {word}
    if word.endswith("eur"):
        out |= {word[:-1] + "se", word[:-3] + "rice"}
    elif word.endswith("ien"):
        out.add(word + "ne")
    elif not word.endswith("e") or word.endswith("te"):
        out.add(word + "e")
    return out


def _expand_classes(raw: Mapping[str, list[str]], folder: str, language: str) -> dict[str, frozenset[str]]:
    """Return the classes with the classes that they name ("SOLDIER" inside "PERSON") expanded."""

    def members(name: str, above: tuple[str, ...]) -> frozenset[str]:
        if name in above:
            raise ValueError(f"{folder}/classes.yaml: class {name} contains itself")
        out: set[str] = set()
        for word in raw[name]:
            out |= members(word, (*above, name)) if word in raw else _genders(fold(word), language)
        return frozenset(out)

    return {name: members(name, ()) for name in raw}
