"""From matches to acts: constraints, choice among readings, modality, type, parties, circumstances.

One :class:`Judge` serves one article and sees its sentences in order. Does not build messages (:mod:`assembly`).
"""

# ruff: noqa: PLR0911 - one rule of grammar per branch; splitting them would hide the order of the rules
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from schemas.mention import PloverType
from streams.coding.actors import ActorResolution
from streams.coding.arguments import Argument, as_arguments
from streams.coding.assembly import Act, announced_type
from streams.coding.attribution import Saying, sayings, source_of
from streams.coding.circumstances import ChosenPlace, Circumstances
from streams.coding.clauses import PEERS, Clauses
from streams.coding.completion import complete
from streams.coding.coreference import Antecedents
from streams.coding.dates import Tense
from streams.coding.dating import settle_dates
from streams.coding.lexicon import Entry, Lexicon
from streams.coding.matching import Match, find_matches
from streams.coding.modality import DECLINED, ModalityReader, Stance
from streams.coding.observation import UNOBSERVED, Observer, Unmet
from streams.coding.parties import Parties, ResolvedParty
from streams.coding.repetition import Reading, without_contained, without_outcomes, without_repetition
from streams.coding.roles import Filled, RoleFinder
from streams.coding.setting import Setting
from streams.coding.tree import Tree

#: A noun takes up an act at most this many sentences back.
_FARTHEST_SAME_ACT = 12


class Judge:
    """Judges the sentences of one article."""

    def __init__(
        self,
        *,
        text: str,
        lexicon: Lexicon,
        parties: Parties,
        antecedents: Antecedents,
        circumstances: Circumstances,
        alpha3: Mapping[str, str],
        observer: Observer = UNOBSERVED,
    ) -> None:
        """Take the article's resolvers; ``alpha3`` maps ISO 3166-1 alpha-2 to alpha-3; ``observer`` hears why."""
        self._text = text
        self._lexicon = lexicon
        self._parties = parties
        self._antecedents = antecedents
        self._circumstances = circumstances
        self._alpha3 = alpha3
        self._observer = observer
        self._acts: list[Act] = []
        self._home: Setting | None = None

    def read(self, tree: Tree, *, for_acts: bool) -> list[Act]:
        """Return the acts of the next sentence; a sentence read for context only gives none."""
        clauses = Clauses(tree, self._lexicon)
        self._antecedents.read(tree, clauses)
        if not for_acts:
            return []
        finder = RoleFinder(tree, self._lexicon, clauses, self._parties.is_class)
        readings: list[Reading] = []
        for alternatives in find_matches(tree, self._lexicon, clauses):
            self._observer.matched(alternatives)
            for match in alternatives:
                filled = finder.fill(match)
                unmet = self._unmet(match, filled, tree, clauses)
                self._observer.tried(match, filled, unmet)
                if unmet is None:
                    mutual = self._lexicon.frames[match.pattern.entry.frame].mutual
                    readings.append(Reading(match, self._only_actors(filled), mutual))
                    break
        whole = without_contained(readings)
        self._observer.narrowed("expression", readings, whole)
        readings = without_outcomes(whole, tree)
        self._observer.narrowed("outcome", whole, readings)
        modality = ModalityReader(tree, self._lexicon, clauses)
        said = sayings(tree, self._lexicon, clauses)
        judged = [(r, self._stance(r, modality)) for r in readings]
        for reading, stance in judged:
            self._observer.understood(reading, stance)
        kept = [(r, stance) for r, stance in judged if _is_told(r, stance)]
        self._observer.narrowed("untold", readings, [r for r, _ in kept])
        acts = [self._act(r, stance, tree, said) for r, stance in kept]
        kept_acts = without_repetition(acts, tree)
        self._observer.merged(acts, kept_acts)
        self._acts += kept_acts
        return kept_acts

    def _setting_for(self, readers: str | None) -> Setting:
        about, named = self._circumstances.main_country(), self._parties.named_countries()
        return Setting(named=named, about=about, readers=readers, alpha3=self._alpha3)

    def settled(self, readers: str | None) -> list[Act]:
        """Return all acts read, parties without country settled in that of the article; ``readers`` is the source's."""
        setting = self._setting_for(readers)
        settled = [setting.settle(act, self._parties) for act in settle_dates(self._acts)]
        return complete(settled, setting)

    def _only_actors(self, filled: Filled) -> Filled:
        actors = tuple(a for a in filled.actors if self._parties.is_actor(a))
        return Filled(actors, filled.targets, filled.governor, filled.supported)

    def _unmet(self, match: Match, filled: Filled, tree: Tree, clauses: Clauses) -> Unmet | None:
        """Return the first constraint that a match fails, None if it meets all."""
        entry = match.pattern.entry
        is_class = self._parties.is_class
        if any(is_class(a, ("DISASTER",)) for a in filled.actors):
            return Unmet("disaster", "actor", ("DISASTER",), filled.actors)
        for key, names in entry.require.items():
            if key == "modifier":
                if not self._has_modifier(match, tree, names):
                    return Unmet("require", key, names)
                continue
            found = tuple(self._arguments(key, match, filled, tree, clauses))
            if not any(is_class(a, names) for a in found):
                return Unmet("require", key, names, found)
        for key, names in entry.refuse.items():
            if key == "modifier":
                if self._has_modifier(match, tree, names):
                    return Unmet("refuse", key, names)
                continue
            found = tuple(self._arguments(key, match, filled, tree, clauses))
            if any(is_class(a, names) for a in found):
                return Unmet("refuse", key, names, found)
        if entry.needs and not self._has_needed(entry, filled, tree, match):
            return Unmet("needs", " ".join(entry.needs), ())
        return None

    def _has_needed(self, entry: Entry, filled: Filled, tree: Tree, match: Match) -> bool:
        for slot in entry.needs:
            if slot == "actor" and any(self._parties.is_actor(a) for a in filled.actors):
                return True
            if slot == "target" and filled.targets:
                return True
            if slot == "support" and filled.supported:
                return True
            if slot == "place" and any(tree.start <= p.start < tree.end for p in self._circumstances.places):
                return True
            if slot == "quantity" and self._circumstances.choose_quantities(tree, match.node, match.node, entry.type):
                return True
            if slot == "date" and self._circumstances.has_date(tree):
                return True
        return False

    def _has_modifier(self, match: Match, tree: Tree, names: Sequence[str]) -> bool:
        below = {n.index for w in match.words for n in tree.subtree(w, frozenset({"acl:relcl", "conj"}))}
        if match.node.relation in {"conj"}:
            below |= {n.index for n in tree.children(match.node)}
        for index in below - {w.index for w in match.words}:
            node = tree.nodes[index]
            if any(self._lexicon.in_class(lemma, names) for lemma in node.lemmas):
                return True
        return False

    def _arguments(self, key: str, match: Match, filled: Filled, tree: Tree, clauses: Clauses) -> Iterable[Argument]:
        if key == "actor":
            return filled.actors
        if key == "target":
            return filled.targets
        node = match.node
        if key == "subject":
            copular = match.words[0].relation in {"cop", "aux:pass"} and len(match.words) > 1
            find = clauses.grammatical_subject if copular else clauses.subject
            nodes = find(filled.governor) if filled.governor.is_verbal or copular else []
        elif key == "self":
            return [Argument(node, node, node.start, node.end, "self")]
        elif key == "object":
            nodes = clauses.object(node)
        elif key == "indirect":
            nodes = clauses.indirect(node)
        elif key == "infinitive":
            below = [n for n in tree.children(node, "xcomp", "ccomp", "advcl", "acl") if "VerbForm=Inf" in n.morph]
            return [Argument(n, n, n.start, n.end, key) for n in below]
        elif key == "head":
            measures = self._lexicon.word_set("measure_nouns")
            governors = [a for a in tree.ancestors(node) if not a.lemmas & measures]
            return [Argument(g, g, g.start, g.end, "head") for g in governors[:1]]
        else:
            nodes = [n for w in match.words for case, n in clauses.obliques(w) if case == key]
            if not nodes and tree.language == "en" and key in PEERS and node.is_verbal:
                nodes = clauses.through_object(node, key)
        return [a for n in nodes for a in as_arguments(tree, n, key, self._lexicon)]

    def _stance(self, reading: Reading, modality: ModalityReader) -> Stance:
        match, filled = reading.match, reading.filled
        is_noun = match.pattern.pos == "noun" and not filled.supported
        stance = modality.read(filled.governor, is_noun=is_noun)
        if match.pattern.pos == "noun" and filled.supported and modality.is_negated(match.node):
            stance = Stance("denied", "negated", stance.past_perfect, stance.purpose)
        if stance.purpose and stance.reason == "an aim" and match.pattern.entry.type in _DONE_IN_MEANING:
            stance = Stance("asserted", "done by being the aim", stance.past_perfect, stance.purpose)
        return stance

    def _implied_actor(self, reading: Reading, tree: Tree, said: list[Saying]) -> tuple[Argument, ...]:
        """Return the authority that announces an arrest or an inquiry whose agent is not named: it is theirs."""
        entry = reading.match.pattern.entry
        if entry.type != "COERCE" and entry.cameo not in {"090", "115", "112"}:
            return ()
        for saying in said:
            below = tree.subtree(saying.source.node, frozenset({"acl:relcl", "conj", "appos"}))
            for node in below:
                if node.lemmas & self._lexicon.word_set("authorities"):
                    return tuple(as_arguments(tree, node, "announces it", self._lexicon)[:1])
        return ()

    def _participants(self, reading: Reading, tree: Tree) -> tuple[Argument, ...]:
        """Return the subject of the clause in which talks or an accord are an occasion ("après des discussions")."""
        if reading.match.pattern.pos != "noun" or reading.match.pattern.entry.type not in {"CONSULT", "AGREE"}:
            return ()
        node = reading.match.node
        for above in tree.ancestors(node):
            if above.is_verbal:
                subjects = Clauses(tree, self._lexicon).grammatical_subject(above)
                found = [a for n in subjects for a in as_arguments(tree, n, "clause", self._lexicon)]
                return tuple(a for a in found if self._parties.is_actor(a) and not tree.is_below(node, a.node))
        return ()

    def _act(self, reading: Reading, stance: Stance, tree: Tree, said: list[Saying]) -> Act:
        match, filled = reading.match, reading.filled
        if not filled.actors:
            implied = self._implied_actor(reading, tree, said)
            implied = implied or self._participants(reading, tree)
            filled = Filled(implied, filled.targets, filled.governor, filled.supported)
        entry, node = match.pattern.entry, match.node
        plover, stance, why = _typed(entry, stance, f"lexicon entry {entry.id}, “{_words(match, self._text)}”")
        spans = [(a.start, a.end) for a in filled.actors]
        place = self._circumstances.choose_place(tree, node, filled.governor, plover, spans)
        hint = self._hint(place.place.entry.country if place.place is not None and place.own else None)
        actors = [p for a in filled.actors for p in self._resolve(a, tree, self._hint_for(a, entry.type, hint))]
        acting = frozenset(p.start for p in actors)
        targets = [p for a in filled.targets for p in self._resolve(a, tree, hint, acting)]
        targets = [p for p in targets if not (p.coreference and p.start in acting)]
        told = self._told_before(match, tree)
        if told is not None:
            actors = actors or [replace(p, coreference=True) for p in told.actors]
            targets = targets or [replace(p, coreference=True) for p in told.targets]
        if place.place is None:
            at_home = hint is not None and any(p.resolution.country == hint for p in actors)
            place = self._circumstances.inherited_place(plover, at_home=at_home)
        tense: Tense | None = "future" if stance.modality == "planned" else "past"
        date = self._circumstances.choose_date(
            tree, node, filled.governor, plover, tense, background=stance.past_perfect
        )
        if not targets and place.own and _goes_there(entry):
            targets = self._as_recipient(place, entry)
        quantities = self._circumstances.choose_quantities(
            tree, node, filled.governor, plover, actors=filled.actors, targets=filled.targets
        )
        saying = source_of(tree, filled.governor, said)
        source = None if saying is None else self._parties.resolve(saying.source, tree, hint)
        first, last = min(w.start for w in match.words), max(w.end for w in match.words)
        return Act(
            sentence=tree.sentence,
            start=tree.start,
            end=tree.end,
            trigger=(first, last),
            pattern=match.pattern,
            node=node,
            plover=plover,
            type_reason=why,
            actors=_distinct(actors),
            targets=_distinct(targets),
            actors_reason=_party_reason("actor", filled.actors, actors, told),
            targets_reason=_party_reason("target", filled.targets, targets, told),
            place=place,
            date=date,
            quantities=quantities,
            stance=stance,
            historical=self._circumstances.is_historical(date),
            source=source,
            source_reason="no source named in the sentence" if saying is None else f"found as {saying.source.source}",
        )

    def _resolve(
        self, argument: Argument, tree: Tree, hint: str | None, others: frozenset[int] = frozenset()
    ) -> list[ResolvedParty]:
        """Return the parties that an argument names: two for "les deux pays", one otherwise."""
        countries = self._circumstances.countries_before(argument.start)
        determiners = {c.folded for c in tree.children(argument.core, "det", "nummod")}
        if (
            argument.core.lemmas
            & self._lexicon.word_set("own_country")
            & {"pays", "country", "nation", "state", "etat"}
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

    def _told_before(self, match: Match, tree: Tree) -> Act | None:
        """Return the act that a definite noun of action takes up ("la visite", "ces frappes"): parties carry over."""
        if match.pattern.pos != "noun":
            return None
        determiners = {c.folded for c in tree.children(match.node, "det")}
        if not determiners & self._lexicon.word_set("definite"):
            return None
        for act in reversed(self._acts):
            alike = act.node.lemma[:5] == match.node.lemma[:5]  # "l'attaque" after "ont attaqué"
            told = act.plover == match.pattern.entry.type and (act.actors or act.targets)
            if alike and told and act.sentence < tree.sentence:
                return act if tree.sentence - act.sentence <= _FARTHEST_SAME_ACT else None
        return None

    def _as_recipient(self, place: ChosenPlace, entry: Entry) -> list[ResolvedParty]:
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

    def _hint_for(self, argument: Argument, plover: str, hint: str | None) -> str | None:
        """Return the hint, but not for the troops of a deployment or withdrawal: those are abroad as a rule."""
        abroad = plover in {"MOBILIZE", "RETREAT", "AGREE", "CONCEDE"}
        return None if abroad and self._parties.is_class(argument, ("SOLDIER",)) else hint

    def _hint(self, alpha2: str | None) -> str | None:
        if alpha2 is not None and alpha2 in self._alpha3:
            return self._alpha3[alpha2]
        if self._home is None:
            self._home = self._setting_for(None)
        return self._home.named


#: Acts that are done by being meant: "pour protester contre", "afin de réclamer".
#: What a party that says it will not do it refuses (PLOVER: REJECT).
_COOPERATIVE = frozenset({"AGREE", "CONSULT", "SUPPORT", "CONCEDE", "COOPERATE", "AID", "RETREAT"})
_DONE_IN_MEANING = frozenset({"PROTEST", "ACCUSE", "REQUEST", "SUPPORT"})


def _goes_there(entry: Entry) -> bool:
    """Say whether an act goes to the place it names: a visit, or aid."""
    return entry.type == "AID" or (entry.type == "CONSULT" and entry.mode == "visit")


def _is_told(reading: Reading, stance: Stance) -> bool:
    """Say whether an act is told at all: a mere aim, or what somebody is asked to do, is not."""
    if stance.purpose and reading.match.pattern.entry.type not in _DONE_IN_MEANING:
        return False
    return not (stance.reason.startswith("asked for") and reading.match.pattern.pos == "verb")


def _typed(entry: Entry, stance: Stance, why: str) -> tuple[PloverType, Stance, str]:
    """Return the type of an act in its modality."""
    if stance.modality == "denied" and entry.negated is not None:
        asserted = Stance("asserted", f"{stance.reason}: the refusal is the act", stance.past_perfect, stance.purpose)
        return entry.negated, asserted, f"{why}, negated"
    if stance.reason == DECLINED and entry.type in _COOPERATIVE:
        asserted = Stance("asserted", f"{stance.reason}: the refusal is the act", stance.past_perfect, stance.purpose)
        return "REJECT", asserted, f"{why}, declined"
    if stance.modality == "planned" and not stance.reason.startswith("threatened"):
        announced = entry.planned or announced_type(entry.type)
        if announced != entry.type:
            return announced, stance, f"{why}, announced"
    return entry.type, stance, why


def _words(match: Match, text: str) -> str:
    return " ".join(text[w.start : w.end] for w in match.words)


def _distinct(parties: Sequence[ResolvedParty]) -> tuple[ResolvedParty, ...]:
    seen: set[tuple[str, int]] = set()
    out = []
    for party in parties:
        if (party.text, party.start) not in seen:
            seen.add((party.text, party.start))
            out.append(party)
    return tuple(out)


def _party_reason(side: str, arguments: Sequence[Argument], parties: Sequence[ResolvedParty], told: Act | None) -> str:
    if parties and not arguments and told is not None:
        return f"as in sentence {told.sentence}, whose act the noun takes up"
    if parties:
        source = f"{arguments[0].source}: " if arguments else ""
        told_how = [f"{p.resolution.how}{', through its antecedent' if p.coreference else ''}" for p in parties]
        return source + "; ".join(told_how)
    if arguments:
        return f"what stands where the frame looks for the {side} can't be one"
    return f"the sentence names no {side} where the frame looks for one"
