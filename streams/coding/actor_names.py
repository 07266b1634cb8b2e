"""Every name, adjective and common noun of the actor tables, ready to be found in a text of one language.

Builds one phrase table a language from the rows that ``actor_data`` reads: states and what stands for them, adjectives
of belonging in all their forms, people with their surnames, organisations, roles in singular and plural. It decides
nothing: what a phrase with several of these means is for ``actors``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from streams.coding.actor_data import (
    Demonym,
    Organisation,
    Person,
    Role,
    State,
    read_demonyms,
    read_function_words,
    read_organisations,
    read_people,
    read_roles,
    read_states,
)
from streams.coding.phrases import PhraseTable, fold_word, phrase_key

Kind = Literal["state", "metonym", "adjective", "person", "surname", "organisation", "role"]


@dataclass(frozen=True, slots=True)
class ActorEntry:
    """What a phrase may stand for: its kind and the row of its table; ``titled`` if only a title before it tells."""

    kind: Kind
    row: State | Demonym | Person | Organisation | Role
    titled: bool = False


# Words that begin a surname of several words, and those of them that news drops: "Bachar al-Assad" is "Assad" too.
_PARTICLES = frozenset(
    {"de", "du", "des", "d", "le", "la", "les", "el", "al", "ad", "an", "as", "ben", "bin", "ibn", "abd", "abou"}
    | {"abu", "ould", "ag", "van", "von", "der", "den", "ter", "da", "dos", "das", "di", "del", "mac", "mc", "o", "san"}
    | {"saint"}
)
_DROPPED = frozenset({"al", "el", "de", "ad", "an", "as", "von"})
_PREPOSITIONS = frozenset({"de", "du", "des", "d", "a", "au", "aux", "en", "pour", "par", "contre", "sur", "sous"})


def french_forms(masculine: str, feminine: str) -> tuple[str, ...]:
    """Return the four forms of a French adjective (fewer where they coincide)."""
    return tuple(dict.fromkeys((masculine, feminine, _french_plural(masculine), _french_plural(feminine))))


def _french_plural(word: str) -> str:
    if word.endswith(("s", "x", "z")):
        return word
    if word.endswith(("eau", "eu")):
        return word + "x"
    if word.endswith("al"):
        return word[:-2] + "aux"
    return word + "s"


def _plural_of_phrase(phrase: str) -> Iterator[str]:
    """Yield a French noun phrase in the plural: its first word, and all words before its first preposition."""
    words = phrase.split(" ")
    cut = next((k for k, word in enumerate(words) if fold_word(word.split("'")[0]) in _PREPOSITIONS), len(words))
    for count in {1, cut}:
        yield " ".join([*(_french_plural(word) for word in words[:count]), *words[count:]])


def _english_plural(phrase: str) -> str:
    if phrase.endswith(("s", "men", "women", "people")):
        return phrase
    if phrase.endswith("y") and phrase[-2] not in "aeou":
        return phrase[:-1] + "ies"
    if phrase.endswith(("ch", "sh", "x")):
        return phrase + "es"
    return phrase + "s"


def surnames_of(name: str) -> tuple[str, ...]:
    """Return the surname of "first name + surname", with and without the particle that news drops."""
    words = name.split()
    if len(words) < 2 or not set(words[-1]) - set("IVX"):
        return ()  # one name, or a sovereign's number
    start = next((k for k in range(1, len(words)) if phrase_key(words[k]).split(" ")[0] in _PARTICLES), len(words) - 1)
    surname = " ".join(words[start:])
    parts = surname.replace("-", " ", 1).split(" ", 1)
    if len(parts) == 2 and fold_word(parts[0]) in _DROPPED:
        return (surname, parts[1])
    return (surname,)


class ActorNames:
    """The phrase tables of French and English."""

    def __init__(self) -> None:
        self.states = {state.alpha3: state for state in read_states()}
        function_words = read_function_words()
        self._tables: dict[str, PhraseTable[ActorEntry]] = {
            "fr": PhraseTable(function_words),
            "en": PhraseTable(function_words),
        }
        # The order decides which entry of one phrase comes first.
        self._add_states()
        self._add_organisations()
        self._add_people()
        self._add_demonyms()
        for language in ("fr", "en"):
            self._add_roles(language)

    def table(self, language: str) -> PhraseTable[ActorEntry]:
        """Return the phrase table of a language; French for one that has none."""
        return self._tables.get(language, self._tables["fr"])

    def _add(self, language: str, phrase: str, entry: ActorEntry) -> None:
        exact = phrase.startswith("=")
        self._tables[language].add(phrase.removeprefix("="), entry, exact=exact)

    def _add_both(self, phrase: str, entry: ActorEntry) -> None:
        for language in self._tables:
            self._add(language, phrase, entry)

    def _add_states(self) -> None:
        for state in self.states.values():
            entry = ActorEntry("state", state)
            for name in state.french_names:
                self._add("fr", name, entry)
            for name in state.english_names:
                self._add("en", name, entry)
            for name in state.metonyms:
                self._add_both(name, ActorEntry("metonym", state))
            adjective = ActorEntry("adjective", state)
            for masculine, feminine in state.french_adjectives:
                for form in french_forms(masculine, feminine):
                    self._add("fr", form, adjective)
            for english in state.english_adjectives:
                for form in dict.fromkeys((english, _english_plural(english))):
                    self._add("en", form, adjective)

    def _add_organisations(self) -> None:
        for organisation in read_organisations():
            for name in organisation.names:
                self._add_both(name, ActorEntry("organisation", organisation))

    def _add_people(self) -> None:
        for person in read_people():
            for name in person.names:
                self._add_both(name, ActorEntry("person", person))
            for surname in dict.fromkeys(person.surnames or surnames_of(person.name)):
                if surname != "-":
                    self._add_both(surname, ActorEntry("surname", person, titled=bool(person.surnames)))

    def _add_demonyms(self) -> None:
        for demonym in read_demonyms():
            for form in demonym.forms:
                self._add_both(form, ActorEntry("adjective", demonym))

    def _add_roles(self, language: str) -> None:
        for role in read_roles(language):
            entry = ActorEntry("role", role)
            for form in role.forms:
                plurals = _plural_of_phrase(form) if language == "fr" else (_english_plural(form),)
                # "ministère de la Justice" is as often written without its capital; single words keep theirs.
                spellings = [part.lower() if " " in part else part for part in (form, *plurals)]
                for spelling in dict.fromkeys(spellings):
                    self._add(language, spelling, entry)
