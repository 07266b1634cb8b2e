"""Whose country a party belongs to where neither its words nor the article say: that of the setting, with the reason.

News names the country once and then speaks of "la jeune femme", "le mouvement" or a mayor whom no table knows. Such a
party takes the country of its act's place, else that of the article's main actors and places, else that of the source's
readers. Only people, groups and institutions do; never things, never those who are foreign by their noun (migrants,
tourists), by an adjective ("étranger", "international") or as a suspect of unknown origin. Does not look at sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from streams.coding.assembly import Act
from streams.coding.parties import Parties, ResolvedParty

#: The country that the article's places point to counts as much as this many mentions of it by name.
_PLACES_PER_PARTY = 2


class Setting:
    """The country in which an article plays."""

    def __init__(
        self, *, named: Counter[str], about: str | None, readers: str | None, alpha3: Mapping[str, str]
    ) -> None:
        """Take what the article as a whole tells.

        Args:
            named: how often the article names each country by its actors, alpha-3.
            about: alpha-2 code of the country that the article's places point to.
            readers: alpha-2 code of the source's country, the last resort.
            alpha3: maps ISO 3166-1 alpha-2 to alpha-3.
        """
        self._alpha3 = alpha3
        counted = Counter(named)
        if about is not None and about in alpha3:
            counted[alpha3[about]] += _PLACES_PER_PARTY
        #: Alpha-3 code of the country that the article is about, None where it names none.
        self.named = min(counted, key=lambda country: (-counted[country], country)) if counted else None
        self._main = self.named or (alpha3.get(readers) if readers else None)

    def _located(self, act: Act) -> str | None:
        place = act.place.place
        return self._alpha3.get(place.entry.country) if place is not None and place.entry.country else None

    def of(self, act: Act) -> tuple[str | None, str]:
        """Return the country of an act's setting and where it comes from."""
        located = self._located(act)
        if located is not None and (act.place.own or self._main is None):
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

    def settle_party(self, party: ResolvedParty, act: Act, parties: Parties) -> ResolvedParty:
        """Return a party of an act, of the act's setting if it has no country and may belong there."""
        country, whence = self.of(act)
        return party if country is None else _settled(party, parties, country, whence)


def _settled(party: ResolvedParty, parties: Parties, country: str, whence: str) -> ResolvedParty:
    who = party.resolution
    if not party.domestic or who.country is not None or who.organisation is not None:
        return party
    found = parties.resolve_phrase(party.text, country)
    if found.country is not None:
        return replace(party, resolution=found)
    how = f"{who.how}; country of the setting, that {whence} ({country})"
    return replace(party, resolution=replace(who, country=country, how=how))
