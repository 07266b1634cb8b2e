"""From a surface form to its possible lemmas, folded. Uses the lemma tables that ship with the parser models.

Does not choose among the lemmas: the reader of a sentence does, with the part of speech. Looking up is a matter of
dictionaries, so a text is scanned in time linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from spacy.lookups import Lookups

from streams.coding.text import fold

_FRENCH_ENDINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Regular endings of the first group, longest first; the tables know the irregular verbs.
    ("eraient", ("er",)), ("assent", ("er",)), ("eront", ("er",)), ("erait", ("er",)), ("aient", ("er", "re", "ir")),
    ("èrent", ("er",)), ("erons", ("er",)), ("iraient", ("ir",)), ("issaient", ("ir",)), ("issent", ("ir",)),
    ("issant", ("ir",)), ("issait", ("ir",)), ("irent", ("ir", "re")), ("irait", ("ir",)), ("iront", ("ir",)),
    ("ées", ("er",)), ("era", ("er",)), ("ait", ("er", "re", "ir")), ("ant", ("er", "re", "ir")), ("ent", ("er", "re")),
    ("ée", ("er",)), ("és", ("er",)), ("é", ("er",)), ("ons", ("er", "re")), ("ies", ("ir",)), ("ues", ("re", "ir")),
    ("ie", ("ir",)),
    ("is", ("ir",)), ("it", ("ir",)), ("ira", ("ir",)), ("ue", ("re",)), ("us", ("re",)), ("i", ("ir",)),
    ("a", ("er",)), ("e", ("er",)), ("u", ("re",)),
)  # fmt: skip

_ENGLISH_ENDINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ies", ("y", "ie")), ("ied", ("y", "ie")),
    ("sses", ("ss",)), ("shes", ("sh",)), ("ches", ("ch",)), ("xes", ("x",)),
    ("men", ("man",)), ("ing", ("", "e")), ("ed", ("", "e")), ("es", ("", "e")), ("s", ("",)),
)  # fmt: skip

#: Endings of past participles, and of the infinitives that they belong to.
_FRENCH_PARTICIPLES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"ée?s?$"), ("er", "naitre")),
    (re.compile(r"(?:[aeo]int|[ui]t|ait|[ou]?vert|fert|mort)(?:e?s?)$"), ("ir", "re")),
    (re.compile(r"ie?s?$"), ("ir", "re")),
    (re.compile(r"[uû]e?s?$"), ("ir", "re")),
    (re.compile(r"(?:is|os|us)(?:e?s?)$"), ("ir", "re")),
)


class Forms:
    """Surface forms and their lemmas in one language, with a memory of those seen."""

    def __init__(self, language: str, lookups: Lookups, wanted: Callable[[str], bool]) -> None:
        """Take the model's tables.

        Args:
            language: ``"fr"`` or ``"en"``.
            lookups: the lemmatizer's tables of the parser model.
            wanted: says whether a folded lemma is in the lexicon; rule-made lemmas count only if it is.
        """
        self._language = language
        self._exceptions: list[Mapping[str, list[str]]] = []
        self._lookup: Any = lookups.get_table("lemma_lookup", {})
        exceptions = lookups.get_table("lemma_exc", {})
        for part in ("verb", "noun", "adj", "aux"):
            if part in exceptions:
                self._exceptions.append(exceptions[part])
        index: Any = lookups.get_table("lemma_index", {})
        self._verbs = frozenset(fold(verb) for verb in index.get("verb", ()))
        self._wanted = wanted
        self._seen: dict[str, frozenset[str]] = {}

    def lemmas(self, form: str) -> frozenset[str]:
        """Return the folded lemmas that a form may have, the form itself among them."""
        known = self._seen.get(form)
        if known is None:
            known = self._find(form)
            if len(self._seen) > 200_000:  # bounds memory on hostile texts; a refill costs one look-up per word
                self._seen.clear()
            self._seen[form] = known
        return known

    def participle_of(self, form: str) -> frozenset[str]:
        """Return the folded infinitives of the French verbs whose past participle a form may be."""
        low = form.lower()
        for ending, infinitives in _FRENCH_PARTICIPLES:
            if ending.search(low):
                return frozenset(
                    x for x in self.lemmas(form) if x.endswith(infinitives) and (x in self._verbs or self._wanted(x))
                )
        return frozenset()

    def _find(self, form: str) -> frozenset[str]:
        low = form.lower()
        found = {low}
        for table in self._exceptions:
            found.update(table.get(low, ()))
        listed = self._lookup.get(low)
        if listed:
            found.update([listed] if isinstance(listed, str) else listed)
        folded = {fold(lemma) for lemma in found}
        endings = _FRENCH_ENDINGS if self._language == "fr" else _ENGLISH_ENDINGS
        shortest = 2 if self._language == "fr" else 1  # letters of a stem, and one more: "us-ed", "di-ed"
        for ending, replacements in endings:
            if low.endswith(ending) and len(low) > len(ending) + shortest:
                stem = low[: -len(ending)]
                candidates = [fold(stem + r) for r in replacements]
                if self._language == "en" and len(stem) > 2 and stem[-1] == stem[-2]:
                    candidates.append(fold(stem[:-1]))
                if self._language == "fr":
                    candidates += _respelt(stem, replacements)
                folded.update(c for c in candidates if self._wanted(c))
        if low.endswith(("s", "x")) and len(low) > 3:
            plural = fold(low[:-3] + "al") if low.endswith("aux") else fold(low[:-1])
            folded.update({plural} if self._wanted(plural) else ())
        return frozenset(folded)


def _respelt(stem: str, replacements: tuple[str, ...]) -> list[str]:
    """Return infinitives with the stem's spelling undone: "lanç-" → "lancer", "rejett-" → "rejeter"."""
    stems = []
    if stem.endswith("ç"):
        stems.append(stem[:-1] + "c")
    if stem.endswith("ge"):
        stems.append(stem[:-1])
    if stem.endswith("i"):
        stems.append(stem[:-1] + "y")
    if len(stem) > 2 and stem[-1] == stem[-2]:
        stems.append(stem[:-1])
    return [fold(s + r) for s in stems for r in replacements if r == "er"]
