"""Who the arguments of an article's acts are, with the article's setting taken into account.

Wraps :mod:`parties` for acts: which country a domestic noun belongs to where an act takes place, "les deux pays", the
country visited or supplied. Does not find arguments (:mod:`roles`) nor choose among parties (:mod:`party_choice`).
"""

from __future__ import annotations

from collections.abc import Mapping

from streams.coding.actors import ActorResolution
from streams.coding.arguments import Argument
from streams.coding.circumstances import ChosenPlace, Circumstances
from streams.coding.lexicon import Entry, Lexicon
from streams.coding.parties import Parties, ResolvedParty
from streams.coding.setting import Setting
from streams.coding.tree import Tree


class PartyResolver:
    """Resolves the arguments of one article's acts."""

    def __init__(
        self, text: str, lexicon: Lexicon, parties: Parties, circumstances: Circumstances, alpha3: Mapping[str, str]
    ) -> None:
        """Take the article's resolvers; ``alpha3`` maps ISO 3166-1 alpha-2 to alpha-3."""
        self._text = text
        self._lexicon = lexicon
        self._parties = parties
        self._circumstances = circumstances
        self._alpha3 = alpha3
        self._home: Setting | None = None

    def setting(self, readers: str | None) -> Setting:
        """Return the country in which the article plays; ``readers`` is the source's country, the last resort."""
        about, named = self._circumstances.main_country(), self._parties.named_countries()
        return Setting(named=named, about=about, readers=readers, alpha3=self._alpha3)

    def resolve(
        self, argument: Argument, tree: Tree, hint: str | None, others: frozenset[int] = frozenset()
    ) -> list[ResolvedParty]:
        """Return the parties that an argument names: two for "les deux pays", one otherwise."""
        countries = self._circumstances.countries_before(argument.start)
        determiners = {c.folded for c in tree.children(argument.core, "det", "nummod")}
        if (
            argument.core.lemmas
            & self._lexicon.word_set("own_country")
            & {"pays", "country", "nation", "state", "etat"}
            and not (tree.language == "en" and argument.core.pos == "PROPN")  # "the United States"
        ):
            if determiners & self._lexicon.word_set("both") and len(countries) > 1:
                return [self._parties.country(p, argument) for p in countries[:2]]
            if (
                determiners & {"le", "ce", "the", "this"}
                and not tree.child(argument.core, "amod", "nmod")
                and countries
            ):
                return [self._parties.country(countries[0], argument)]
        found = self._parties.resolve_all(argument, tree, hint, others)
        owner = argument.source == "possessive" and argument.core.pos == "DET"
        return [] if owner and not found[0].coreference else found

    def as_recipient(self, place: ChosenPlace, entry: Entry) -> list[ResolvedParty]:
        """Return the country of the place as the other side of a visit, or as who receives aid or troops."""
        found = place.place
        if found is None or not found.entry.country or (entry.mode == "troops" and entry.type == "MOBILIZE"):
            return []
        country = self._alpha3.get(found.entry.country)
        words = self._text[found.start : found.end] if found.end <= len(self._text) else found.text
        if country is None or words != found.text:
            return []
        resolution = ActorResolution(None, country, None, None, None, "country of the place visited or supplied")
        return [ResolvedParty(found.text, found.start, found.end, resolution, False, found.text)]

    def hint_for(self, argument: Argument, plover: str, hint: str | None) -> str | None:
        """Return the hint, but not for the troops of a deployment or withdrawal: those are abroad as a rule."""
        abroad = plover in {"MOBILIZE", "RETREAT", "AGREE", "CONCEDE"}
        return None if abroad and self._parties.is_class(argument, ("SOLDIER",)) else hint

    def hint(self, alpha2: str | None) -> str | None:
        """Return the country of domestic nouns: that of the act's place (alpha-2), else the article's own."""
        if alpha2 is not None and alpha2 in self._alpha3:
            return self._alpha3[alpha2]
        if self._home is None:
            self._home = self.setting(None)
        return self._home.named
