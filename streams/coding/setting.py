"""Whose country a party belongs to where neither its words nor the article say: that of the setting, with the reason.

News names the country once and then speaks of "la jeune femme", "le mouvement" or a mayor whom no table knows. Such a
party takes the country of its act's place, else that of the article's main actors and places, else that of the source's
readers. Only people, groups and institutions do; never things, never those who are foreign by their noun (migrants,
tourists), by an adjective ("étranger", "international") or as a suspect of unknown origin. Does not look at sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from streams.coding.assembly import Act
from streams.coding.parties import Parties, ResolvedParty

#: A country named as often as this by places alone counts as much as one resolved party.
_PLACES_PER_PARTY = 2


class Setting:
    """The country in which an article plays."""

    def __init__(
        self, acts: Sequence[Act], *, about: str | None, readers: str | None, alpha3: Mapping[str, str]
    ) -> None:
        """Take the acts of an article.

        Args:
            acts: with the parties and places found for each.
            about: alpha-2 code of the country that the article's places point to.
            readers: alpha-2 code of the source's country, the last resort.
            alpha3: maps ISO 3166-1 alpha-2 to alpha-3.
        """
        self._alpha3 = alpha3
        self._main = self._main_country(acts, about) or (alpha3.get(readers) if readers else None)

    def _main_country(self, acts: Sequence[Act], about: str | None) -> str | None:
        counted: Counter[str] = Counter()
        for act in acts:
            counted.update(p.resolution.country for p in (*act.actors, *act.targets) if p.resolution.country)
            located = self._located(act)
            if located is not None:
                counted[located] += 1
        if about is not None and about in self._alpha3:
            counted[self._alpha3[about]] += _PLACES_PER_PARTY
        if not counted:
            return None
        return min(counted, key=lambda country: (-counted[country], country))

    def _located(self, act: Act) -> str | None:
        place = act.place.place
        return self._alpha3.get(place.entry.country) if place is not None and place.entry.country else None

    def of(self, act: Act) -> tuple[str | None, str]:
        """Return the country of an act's setting and where it comes from."""
        located = self._located(act)
        if located is not None:
            return located, "of the act's place"
        return self._main, "of the article"

    def settle(self, act: Act, parties: Parties) -> Act:
        """Return an act whose people, groups and institutions without country belong to its setting."""
        country, whence = self.of(act)
        if country is None:
            return act
        return replace(
            act,
            actors=tuple(_settled(p, parties, country, whence) for p in act.actors),
            targets=tuple(_settled(p, parties, country, whence) for p in act.targets),
        )


def _settled(party: ResolvedParty, parties: Parties, country: str, whence: str) -> ResolvedParty:
    who = party.resolution
    if not party.domestic or who.country is not None or who.organisation is not None:
        return party
    found = parties.resolve_phrase(party.text, country)
    if found.country is not None:
        return replace(party, resolution=found)
    how = f"{who.how}; country of the setting, that {whence} ({country})"
    return replace(party, resolution=replace(who, country=country, how=how))
