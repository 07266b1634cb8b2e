"""Who may be the actor or target of an act: the phrases of its sentence, what the rules found, and what went before.

Each candidate comes with features for a trained model: where the phrase stands to the trigger, what the rules make of
it, of which classes it is, whom it names. They are the vocabulary of the models in ``data/learned``: changing one means
training them anew (docs/learned.md). Does not choose (:mod:`party_choice`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from streams.coding.arguments import Argument, as_arguments
from streams.coding.assembly import Act
from streams.coding.attribution import Saying, sayings, source_of
from streams.coding.clauses import Clauses
from streams.coding.coreference import Antecedents
from streams.coding.lexicon import Lexicon
from streams.coding.parties import Parties, ResolvedParty
from streams.coding.party_resolution import PartyResolver
from streams.coding.quotations import is_quoted
from streams.coding.setting import Setting
from streams.coding.tree import Node, Tree
from streams.coding.trigger_words import part_of_speech

#: A path between trigger and phrase is told by at most so many steps up and down.
_STEPS = 4
#: Distances count in steps of three words, up to this many steps.
_FARTHEST = 6
#: Pronouns that only link clauses or belong to their verb; whom they stand for is a candidate itself.
_NO_PARTY = frozenset(
    [
        "qui",
        "que",
        "qu'",
        "dont",
        "ou",
        "lequel",
        "laquelle",
        "se",
        "s'",
        "y",
        "en",
        "-t",
        "ce",
        "c'",
        "who",
        "which",
        "that",
    ]
)
_INNER = frozenset({"flat:name", "flat", "flat:foreign", "fixed"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible side of an act."""

    parties: tuple[ResolvedParty, ...]
    """Settled; several where parties are coordinated."""
    features: tuple[str, ...]
    how: str
    """Where it stands, for the reason of the slot."""
    ruled: bool
    """True for what the rules hold to be the act's actor or target."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """All candidates of one act, and the features of there being none."""

    act: Act
    none: tuple[str, ...]
    found: tuple[Candidate, ...]


class _ToldBefore:
    """An article's acts by what comes before a sentence: looked up for each act, so never searched through."""

    def __init__(self, acts: Sequence[Act]) -> None:
        self._all = tuple(acts)
        self._by_type: defaultdict[str, list[Act]] = defaultdict(list)
        for act in acts:
            self._by_type[act.plover].append(act)

    def last(self, sentence: int) -> Act | None:
        """Return the last act told before a sentence."""
        return _last_before(self._all, sentence)

    def like(self, act: Act) -> Act | None:
        """Return the last act of an act's type told before its sentence."""
        return _last_before(self._by_type[act.plover], act.sentence)


def _last_before(acts: Sequence[Act], sentence: int) -> Act | None:
    at = bisect_left(acts, sentence, key=lambda act: act.sentence)
    return acts[at - 1] if at else None


class PartyCandidates:
    """Finds the candidates for the acts of one article, once all its sentences are read."""

    def __init__(
        self,
        lexicon: Lexicon,
        parties: Parties,
        antecedents: Antecedents,
        resolver: PartyResolver,
        *,
        setting: Setting,
        quotes: Sequence[tuple[int, int]],
        acts: Sequence[Act],
    ) -> None:
        """Take the article's resolvers, its setting, its quoted spans and all its acts, in order."""
        self._lexicon = lexicon
        self._parties = parties
        self._antecedents = antecedents
        self._resolver = resolver
        self._setting = setting
        self._quotes = quotes
        self._told = _ToldBefore(acts)
        self._grammars: dict[int, tuple[Clauses, list[Saying]]] = {}
        self._found: dict[tuple[int, int, int, str, str | None], list[ResolvedParty]] = {}

    def of(self, act: Act) -> Candidates:
        """Return the candidates of an act of the article."""
        inside = self._in_sentence(act)
        spans = {(p.text, p.start) for candidate in inside for p in candidate.parties}
        around = [*self._by_rule(act, spans), *self._before(act), *self._speaking(act)]
        return Candidates(act, self._none(act, len(inside)), (*inside, *around))

    def _none(self, act: Act, inside: int) -> tuple[str, ...]:
        ruled = f"{bool(act.actors)}|{bool(act.targets)}"
        return (
            "none",
            f"none|{act.plover}",
            f"none|{act.node.lemma}",
            f"none|{min(inside, _FARTHEST)}",
            f"none|rules {ruled}",
            f"none|{act.plover}|rules {ruled}",
            f"none|{part_of_speech(act.node)}|rules {ruled}",
        )

    def _in_sentence(self, act: Act) -> list[Candidate]:
        tree = act.tree
        standing = _Standing(act, tree, *self._grammar(tree))
        place = act.place.place
        hint = self._resolver.hint(place.entry.country if place is not None and act.place.own else None)
        out: list[Candidate] = []
        seen: set[int] = set()
        for node in tree.nodes:
            if not standing.may_be_party(node):
                continue
            phrase = _arguments(tree, node, self._lexicon)
            if not phrase or phrase[0].core.index in seen:
                continue
            seen.add(phrase[0].core.index)
            resolved = [self._resolved(argument, act, tree, hint) for argument in phrase]
            if not resolved[0] or _is_lost(resolved[0][0]):
                continue
            features = self._features(act, phrase[0], resolved[0][0], standing)
            parties = tuple(party for several in resolved for party in several)
            ruled = bool(self._sides(act, resolved[0][0]))
            out.append(Candidate(parties, tuple(features), standing.described(phrase[0]), ruled))
        return out

    def _grammar(self, tree: Tree) -> tuple[Clauses, list[Saying]]:
        """Return the clauses of a sentence and who speaks in it, worked out once for all its acts."""
        known = self._grammars.get(id(tree))  # a tree here is one of an act, so it lives as long as this
        if known is None:
            clauses = Clauses(tree, self._lexicon)
            known = self._grammars[id(tree)] = (clauses, sayings(tree, self._lexicon, clauses))
        return known

    def _resolved(self, argument: Argument, act: Act, tree: Tree, hint: str | None) -> list[ResolvedParty]:
        hint = self._resolver.hint_for(argument, act.plover, hint)
        key = (id(tree), argument.node.index, argument.core.index, argument.source, hint)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._resolver.resolve(argument, tree, hint)
        return [self._setting.settle_party(party, act, self._parties) for party in found]

    def _sides(self, act: Act, party: ResolvedParty) -> str:
        """Return on which side the rules have a party: ``actor``, ``target``, both or the empty string for neither."""
        key = (party.text, party.start)
        actor = any((p.text, p.start) == key for p in act.actors)
        target = any((p.text, p.start) == key for p in act.targets)
        return "+".join(side for side, is_it in (("actor", actor), ("target", target)) if is_it)

    def _features(self, act: Act, argument: Argument, party: ResolvedParty, standing: _Standing) -> list[str]:
        plover, lemma, kind = act.plover, act.node.lemma, part_of_speech(act.node)
        up, down = standing.path(argument.node)
        short = f"{len(up)}|{'/'.join(down[:3])}"
        last = down[-1] if down else "self"
        role, side = standing.role(argument), self._sides(act, party) or "-"
        who = party.resolution
        coded = bool(who.country or who.organisation)
        acts = self._parties.is_actor(argument)
        steps = argument.core.index - act.node.index
        distance = f"{'+' if steps > 0 else '-'}{min(abs(steps) // 3, _FARTHEST)}"
        why = _gist(act.actors_reason if side == "actor" else act.targets_reason) if side != "-" else "-"
        features = [
            f"path={'^'.join(up[-_STEPS:])}|{'/'.join(down[:_STEPS])}",
            f"path={'^'.join(up[-_STEPS:])}|{'/'.join(down[:_STEPS])}|{kind}",
            f"short={short}",
            f"short={short}|{plover}",
            f"short={short}|{lemma}",
            f"last={last}",
            f"last={last}|{kind}|{plover}",
            f"role={role}",
            f"role={role}|{plover}",
            f"role={role}|{kind}",
            f"role={role}|{kind}|{plover}",
            f"role={role}|{lemma}",
            f"rules={side}",
            f"rules={side}|{plover}",
            f"rules={side}|{acts}",
            f"rules={side}|{kind}|{role}",
            f"rules={side}|{why}",
            f"rules={side}|{bool(act.actors)}|{bool(act.targets)}",
            f"learned={not act.pattern.entry.examples}|{role}",
            f"acts={acts}",
            f"coded={coded}",
            f"coded={coded}|{acts}|{argument.core.pos}",
            f"domestic={party.domestic}",
            f"coreference={party.coreference}",
            f"pos={argument.core.pos}",
            f"sector={who.sector}",
            f"sector={who.sector}|{plover}",
            f"distance={distance}",
            f"distance={distance}|{kind}",
            f"lemma={argument.core.lemma}",
            f"lemma={argument.core.lemma}|{plover}",
            f"case={standing.tree.case(argument.node)}",
            f"case={standing.tree.case(argument.node)}|{plover}",
            f"relation={argument.node.relation}",
        ]
        for name in self._parties.classes_of(argument):
            features += [f"is {name}", f"is {name}|{plover}", f"is {name}|{role}", f"is {name}|rules {side}"]
        return features

    def _carried(self, act: Act, parties: Sequence[ResolvedParty], label: str, how: str) -> list[Candidate]:
        if not parties:
            return []
        settled = tuple(self._setting.settle_party(party, act, self._parties) for party in parties)
        who, ruled = settled[0].resolution, f"{bool(act.actors)}|{bool(act.targets)}"
        features = (
            f"carried={label}",
            f"carried={label}|{act.plover}",
            f"carried={label}|{bool(who.country or who.organisation)}",
            f"carried={label}|{who.sector}",
            f"carried={label}|{part_of_speech(act.node)}",
            f"carried={label}|rules {ruled}",
            f"carried={label}|{act.plover}|rules {ruled}",
            f"carried rules={self._sides(act, settled[0]) or '-'}",
        )
        marked = tuple(p if p.coreference else _as_before(p) for p in settled)
        return [Candidate(marked, features, how, label.startswith("rule"))]

    def _by_rule(self, act: Act, known: set[tuple[str, int]]) -> list[Candidate]:
        """Return what the rules found outside the sentence's own phrases: carried over, implied, of the place."""
        out: list[Candidate] = []
        for side, parties, reason in (
            ("actor", act.actors, act.actors_reason),
            ("target", act.targets, act.targets_reason),
        ):
            beyond = [p for p in parties if (p.text, p.start) not in known]
            out += self._carried(act, beyond, f"rule {side} {_gist(reason)}", reason)
        return out

    def _before(self, act: Act) -> list[Candidate]:
        last = self._told.last(act.sentence)
        if last is None:
            return []
        same = last.plover == act.plover
        out = [
            *self._carried(act, last.actors, f"last actor {same}", f"actor of the act in sentence {last.sentence}"),
            *self._carried(act, last.targets, f"last target {same}", f"target of the act in sentence {last.sentence}"),
        ]
        alike = self._told.like(act)
        if alike is not None and alike is not last:
            where = f"of the like act in sentence {alike.sentence}"
            out += self._carried(act, alike.actors, "like actor", f"actor {where}")
            out += self._carried(act, alike.targets, "like target", f"target {where}")
        return out

    def _speaking(self, act: Act) -> list[Candidate]:
        quoted = is_quoted(act.trigger[0], self._quotes)
        out: list[Candidate] = []
        speaker = self._antecedents.speaker(act.sentence)
        if speaker is not None:
            label = f"speaker {quoted} {speaker.sentence - act.sentence}"
            out += self._carried(
                act, [self._parties.named(speaker)], label, f"who speaks in sentence {speaker.sentence}"
            )
        before = self._antecedents.first_subject(act.sentence - 1)
        if before is not None:
            label = f"subject before {before.human}"
            out += self._carried(act, [self._parties.named(before)], label, "subject of the sentence before")
        return out


def _is_lost(party: ResolvedParty) -> bool:
    """Say whether a party is a pronoun behind its verb whose antecedent was not found: "-il" names nobody."""
    return party.text.startswith("-") and not party.coreference


def _gist(reason: str) -> str:
    """Return what kind of reason a rule gave: its first words, without numbers."""
    words = reason.split(":", maxsplit=1)[0].split()[:4]
    return " ".join(word.strip(",;") for word in words if not any(c.isdigit() for c in word))


def _as_before(party: ResolvedParty) -> ResolvedParty:
    return replace(party, coreference=True)


def _arguments(tree: Tree, node: Node, lexicon: Lexicon) -> list[Argument]:
    """Return a phrase as an argument, with those coordinated to it; a possessive or adjective alone is one too."""
    if node.pos == "DET":
        return [Argument(node, node, node.start, node.end, "possessive")]
    return as_arguments(tree, node, "adjective" if node.pos == "ADJ" else "subject", lexicon)


class _Standing:
    """Where the phrases of a sentence stand to one act's trigger."""

    def __init__(self, act: Act, tree: Tree, clauses: Clauses, said: list[Saying]) -> None:
        self.tree = tree
        self._act = act
        node, governor = act.node, act.governor
        source = source_of(tree, governor, said)
        self._subjects = _indexes(clauses.subject(node)) if node.is_verbal else frozenset()
        self._objects = _indexes(clauses.object(node)) if node.is_verbal else frozenset()
        supported = governor.index != node.index and governor.is_verbal
        self._governing = _indexes(clauses.subject(governor)) if supported else frozenset()
        self._speakers = frozenset(s.source.core.index for s in said)
        self._source = source.source.core.index if source is not None else None
        self._up = [node, *tree.ancestors(node)]
        self._depth = {n.index: depth for depth, n in enumerate(self._up)}

    def may_be_party(self, node: Node) -> bool:
        """Say whether a word can head a phrase that names a party."""
        first, last = self._act.trigger
        if first <= node.start < last and node.index == self._act.node.index:
            return False
        if node.relation in _INNER or node.folded in _NO_PARTY:
            return False
        own = node.head == self._act.node.index
        adjective = node.pos == "ADJ" and node.relation == "amod" and own
        possessive = node.pos == "DET" and "Poss=Yes" in node.morph and own
        enclitic = node.folded.startswith("-") and len(node.folded) > 1
        return node.pos in {"NOUN", "PROPN", "PRON", "NUM"} or adjective or possessive or enclitic

    def path(self, node: Node) -> tuple[list[str], list[str]]:
        """Return the relations from the trigger up to what it shares with a node, and from there down to the node."""
        below: list[Node] = []
        meeting = None
        for above in (node, *self.tree.ancestors(node)):
            if above.index in self._depth:
                meeting = self._depth[above.index]
                break
            below.append(above)
        up = [n.relation for n in self._up[: meeting if meeting is not None else len(self._up)]]
        return up, [self._step(n) for n in reversed(below)]

    def _step(self, node: Node) -> str:
        case = self.tree.case(node) if node.relation.startswith(("obl", "nmod", "xcomp")) else ""
        return f"{node.relation}:{case}" if case else node.relation

    def role(self, argument: Argument) -> str:
        """Return what a phrase is to the trigger by the grammar of clauses: subject, object, speaker, or several."""
        indexes = {argument.core.index, argument.node.index}
        found = [
            name
            for name, members in (
                ("subject", self._subjects),
                ("object", self._objects),
                ("governor's subject", self._governing),
                ("speaker", self._speakers),
                ("source", frozenset({self._source}) if self._source is not None else frozenset()),
            )
            if indexes & members
        ]
        return "+".join(found) or "-"

    def described(self, argument: Argument) -> str:
        """Return where a phrase stands, in words for the reason of a slot."""
        role = self.role(argument)
        case = self.tree.case(argument.node)
        return role if role != "-" else (f"after “{case}”" if case else argument.node.relation)


def _indexes(nodes: Iterable[Node]) -> frozenset[int]:
    return frozenset(n.index for n in nodes)
