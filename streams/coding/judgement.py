"""From matches to acts: constraints, choice among readings, modality, type, parties, circumstances.

One :class:`Judge` serves one article and sees its sentences in order. Does not build messages (:mod:`assembly`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from streams.coding.arguments import Argument, as_arguments
from streams.coding.assembly import Act
from streams.coding.attribution import Saying, sayings, source_of
from streams.coding.circumstances import Circumstances
from streams.coding.clauses import Clauses
from streams.coding.completion import complete
from streams.coding.constraints import Constraints
from streams.coding.coreference import Antecedents
from streams.coding.dates import Tense
from streams.coding.dating import settle_dates
from streams.coding.learned import UNLEARNED, Learned
from streams.coding.lexicon import Entry, Lexicon
from streams.coding.matching import Match
from streams.coding.observation import UNOBSERVED, Observer
from streams.coding.parties import Parties, ResolvedParty
from streams.coding.party_candidates import PartyCandidates
from streams.coding.party_choice import with_parties
from streams.coding.party_resolution import PartyResolver
from streams.coding.quotations import quotation_at, quoted_spans
from streams.coding.readings import SentenceReader, Told
from streams.coding.repetition import Reading, without_repetition
from streams.coding.roles import Filled
from streams.coding.text import fold, one_for_one
from streams.coding.tree import Tree
from streams.coding.trigger_words import WordReader

#: Signs that cling to the words of a title.
_MARKS = '.,;:!?"()'

#: A noun takes up an act at most this many sentences back.
_FARTHEST_SAME_ACT = 12


class Judge:
    """Judges the sentences of one article."""

    def __init__(
        self,
        *,
        text: str,
        title: str,
        lexicon: Lexicon,
        parties: Parties,
        antecedents: Antecedents,
        circumstances: Circumstances,
        alpha3: Mapping[str, str],
        learned: Learned = UNLEARNED,
        observer: Observer = UNOBSERVED,
    ) -> None:
        """Take the article and its resolvers.

        Args:
            text: the article's text.
            title: its title, empty for none.
            lexicon: the lexicon of its language.
            parties: resolves its phrases.
            antecedents: what it has named so far; fed here.
            circumstances: its places, dates and numbers.
            alpha3: maps ISO 3166-1 alpha-2 to alpha-3.
            learned: the trained models of its language, if there are any.
            observer: hears of every decision.
        """
        self._lexicon = lexicon
        self._parties = parties
        self._antecedents = antecedents
        self._circumstances = circumstances
        self._resolver = PartyResolver(text, lexicon, parties, circumstances, alpha3)
        self._recogniser = learned.recogniser
        self._ranker = learned.ranker
        self._observer = observer
        self._quotes = quoted_spans(text)
        self._title = frozenset(fold(word.strip(_MARKS)) for word in one_for_one(title).replace("'", "' ").split())
        self._acts: list[Act] = []

    def read(self, tree: Tree, *, for_acts: bool) -> list[Act]:
        """Return the acts of the next sentence; a sentence read for context only gives none."""
        clauses = Clauses(tree, self._lexicon)
        self._antecedents.read(tree, clauses)
        if not for_acts:
            return []
        constraints = Constraints(tree, clauses, self._lexicon, self._parties, self._circumstances)
        reader = SentenceReader(
            tree, self._lexicon, clauses, self._parties, constraints=constraints, observer=self._observer
        )
        if self._recogniser is None:
            found = reader.by_lexicon()
        else:
            words = WordReader(tree, self._lexicon, clauses, self._parties, quotes=self._quotes, title=self._title)
            found = reader.by_model(self._recogniser, words)
        said = sayings(tree, self._lexicon, clauses)
        acts = [self._act(told, tree, clauses, said) for told in found]
        kept_acts = without_repetition(acts, tree)
        self._observer.merged(acts, kept_acts)
        self._acts += kept_acts
        return kept_acts

    def settled(self, readers: str | None) -> list[Act]:
        """Return all acts read, parties without country settled in that of the article; ``readers`` is the source's."""
        setting = self._resolver.setting(readers)
        settled = [setting.settle(act, self._parties) for act in settle_dates(self._acts)]
        completed = [self._with_speaker(act) for act in complete(settled, setting)]
        if self._ranker is None:
            return completed
        candidates = PartyCandidates(
            self._lexicon,
            self._parties,
            self._antecedents,
            self._resolver,
            setting=setting,
            quotes=self._quotes,
            acts=completed,
        )
        return [with_parties(candidates.of(act), self._ranker) for act in completed]

    def _with_speaker(self, act: Act) -> Act:
        """Return an act; one told in a quotation, whose sentence names no source, with the speaker as its source."""
        span = quotation_at(act.trigger[0], self._quotes)
        if act.source is not None or span is None:
            return act
        speaker = self._antecedents.quoted(*span)
        if speaker is None:
            return act
        why = f"speaks the quotation that it stands in, by sentence {speaker.sentence}"
        return replace(act, source=self._parties.named(speaker), source_reason=why)

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

    def _participants(self, reading: Reading, tree: Tree, clauses: Clauses) -> tuple[Argument, ...]:
        """Return the subject of the clause in which talks or an accord are an occasion ("après des discussions")."""
        if reading.match.pattern.pos != "noun" or reading.match.pattern.entry.type not in {"CONSULT", "AGREE"}:
            return ()
        node = reading.match.node
        for above in tree.ancestors(node):
            if above.is_verbal:
                subjects = clauses.grammatical_subject(above)
                found = [a for n in subjects for a in as_arguments(tree, n, "clause", self._lexicon)]
                return tuple(a for a in found if self._parties.is_actor(a) and not tree.is_below(node, a.node))
        return ()

    def _act(self, told_act: Told, tree: Tree, clauses: Clauses, said: list[Saying]) -> Act:
        reading, stance, plover = told_act.reading, told_act.stance, told_act.plover
        match, filled = reading.match, reading.filled
        if not filled.actors:
            implied = self._implied_actor(reading, tree, said)
            implied = implied or self._participants(reading, tree, clauses)
            filled = Filled(implied, filled.targets, filled.governor, filled.supported)
        entry, node = match.pattern.entry, match.node
        spans = [(a.start, a.end) for a in filled.actors]
        place = self._circumstances.choose_place(tree, node, filled.governor, plover, spans)
        hint = self._resolver.hint(place.place.entry.country if place.place is not None and place.own else None)
        actors = [
            p
            for a in filled.actors
            for p in self._resolver.resolve(a, tree, self._resolver.hint_for(a, entry.type, hint))
        ]
        acting = frozenset(p.start for p in actors)
        targets = [p for a in filled.targets for p in self._resolver.resolve(a, tree, hint, acting)]
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
            targets = self._resolver.as_recipient(place, entry)
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
            governor=filled.governor,
            tree=tree,
            probability=told_act.probability,
            plover=plover,
            type_reason=told_act.why,
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

    def _told_before(self, match: Match, tree: Tree) -> Act | None:
        """Return the act that a definite noun of action takes up ("la visite", "ces frappes"): parties carry over."""
        if match.pattern.pos != "noun":
            return None
        determiners = {c.folded for c in tree.children(match.node, "det")}
        if not determiners & self._lexicon.word_set("definite"):
            return None
        for act in reversed(self._acts):
            if tree.sentence - act.sentence > _FARTHEST_SAME_ACT:
                return None
            alike = act.node.lemma[:5] == match.node.lemma[:5]  # "l'attaque" after "ont attaqué"
            told = act.plover == match.pattern.entry.type and (act.actors or act.targets)
            if alike and told and act.sentence < tree.sentence:
                return act
        return None


def _goes_there(entry: Entry) -> bool:
    """Say whether an act goes to the place it names: a visit, or aid."""
    return entry.type == "AID" or (entry.type == "CONSULT" and entry.mode == "visit")


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
