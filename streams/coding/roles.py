"""Which arguments fill the actor and target of a matched predicate, by its frame.

Does not resolve who they are, nor read modality. A frame's sources are tried in order; the first that yields an
argument fills the role.
"""

# ruff: noqa: PLR0911 - one rule of grammar per branch; splitting them would hide the order of the rules
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streams.coding.arguments import Argument, as_arguments
from streams.coding.clauses import PEERS, Clauses
from streams.coding.lexicon import Frame, Lexicon
from streams.coding.matching import Match
from streams.coding.tree import Node, Tree, is_day

#: Says whether an argument is of one of the classes.
ClassTest = Callable[[Argument, Iterable[str]], bool]

#: Prepositions whose phrase the parser often hangs on the verb though it belongs to its object.
_WANDERING = frozenset({"contre", "entre", "avec", "sur", "envers", "visant", "against", "between", "with", "on"})
#: Prepositions of the party that an act is for, in the clause that tells what is promised, asked or threatened.
_CONTENT_CASES = ("to", "with", "against", "on", "at")
_CONTENT_SETTINGS = ("from", "into", "in")
_ARGUMENT_RELATIONS = frozenset({"obj", "nsubj:pass", "nsubj", "obl:arg", "obl:mod", "xcomp", "attr"})


@dataclass(frozen=True, slots=True)
class Filled:
    """The arguments of a predicate, and the verb that carries its tense and negation."""

    actors: tuple[Argument, ...]
    targets: tuple[Argument, ...]
    governor: Node
    """The predicate itself for verbs; the support verb for a noun that has one."""
    supported: bool
    """True where a noun stands under a support verb."""


class RoleFinder:
    """Fills the roles of matches in one sentence."""

    def __init__(self, tree: Tree, lexicon: Lexicon, clauses: Clauses, is_class: ClassTest) -> None:
        """Take a sentence and the test of classes, which knows actors and places."""
        self._tree = tree
        self._lexicon = lexicon
        self._clauses = clauses
        self._is_class = is_class
        self._support_actor = lexicon.word_set("support_actor")
        self._support_target = lexicon.word_set("support_target")

    def fill(self, match: Match) -> Filled:
        """Return the arguments of a match."""
        entry = match.pattern.entry
        frame = self._lexicon.frames[entry.frame]
        if match.pattern.pos == "noun":
            return self._fill_noun(match, frame)
        return self._fill_verb(match, frame)

    def _usable(self, argument: Argument, match: Match) -> bool:
        own = {w.index for w in match.words}
        return argument.node.index not in own and argument.core.index not in own

    def _take(self, match: Match, roles: Iterable[str], find: Callable[[str], list[Node]]) -> tuple[Argument, ...]:
        for source in roles:
            place, _, wanted = source.partition("?")
            found: list[Argument] = []
            for node in find(place):
                found += as_arguments(self._tree, node, place, self._lexicon)
            kept = [a for a in found if self._usable(a, match) and (not wanted or self._is_class(a, (wanted,)))]
            if kept:
                return tuple(kept)
        return ()

    def _fill_verb(self, match: Match, frame: Frame) -> Filled:
        verb, clauses = match.node, self._clauses
        copular = match.pattern.pos == "adjective" or match.words[0].relation in {"cop", "aux:pass"}

        def find(source: str) -> list[Node]:
            if source == "subject":
                return clauses.grammatical_subject(verb) if copular else clauses.subject(verb)
            if source == "object":
                return clauses.object(verb)
            if source == "indirect":
                return clauses.indirect(verb)
            if source == "aim":
                return self._aimed_at(verb)
            if source == "speaker":
                return self._speaker(verb)
            if source == "content":
                return next(
                    (
                        found
                        for w in {verb.index: verb, **{w.index: w for w in match.words}}.values()
                        if (found := self._content_party(w))
                    ),
                    [],
                )
            if source == "possessor":
                return [c for w in match.words if w is not verb for c in self._owners(w)]
            if source == "content_subject":
                return [s for c in self._tree.children(verb, "ccomp") for s in [clauses.surface_subject(c)] if s]
            if source == "object_of":
                owned = [(o, c) for o in clauses.object(verb) for c in self._owners(o)]
                return [c for o, c in owned if c.pos not in {"PRON", "DET"} or o not in match.words]
            phrases = [p for word in match.words for p in clauses.obliques(word)]
            named = [node for case, node in phrases if case == source]
            if not named and self._tree.language == "en" and source in PEERS:
                named = clauses.through_object(verb, source)
            return named

        roles = frame.verb
        actors = self._take(match, roles.actor, find)
        targets = self._take(match, roles.target, find)
        targets = tuple(t for t in targets if all(t.node.index != a.node.index for a in actors))
        return Filled(actors, targets, verb, False)

    def _owners(self, noun: Node) -> list[Node]:
        """Return whose a thing is: "by" before "of", and in English a possessive or a relational adjective."""
        cases = self._clauses.obliques(noun)
        named = [c for case, c in cases if case in {"by", "par"}] + [c for case, c in cases if case in {"de", "of"}]
        if self._tree.language != "en":
            return [c for case, c in cases if case in {"de", "of", "by", "par"}]
        adjectives = [c for c in self._tree.children(noun, "amod") if c.text[:1].isupper()]
        return self._tree.children(noun, "nmod:poss") + named + adjectives

    def _content_party(self, verb: Node) -> list[Node]:
        """Return whom what is promised, asked, refused or threatened is for ("agreed to send tanks to Poland").

        The subject of a clause of its own comes first ("demanded that Israel withdraw"), unless it is a pronoun.
        """
        tree, clauses = self._tree, self._clauses
        if verb.lemmas & {"be"}:  # "is ready to help Niger": what is ready for stands under "ready"
            for ready in tree.children(verb, "acomp", "attr"):
                if found := self._content_party(ready):
                    return found
        for below in tree.children(verb, "xcomp", "ccomp", "advcl", "acl"):
            if not below.is_verbal or (below.relation in {"advcl", "acl"} and "VerbForm=Inf" not in below.morph):
                continue
            own = clauses.surface_subject(below) if below.relation == "ccomp" else None
            if own is not None and own.pos != "PRON" and self._is_party(own):
                return [own]
            objects = clauses.object(below)
            phrases = clauses.obliques(below) + [pair for o in objects for pair in clauses.obliques(o)]
            owners = [c for o in objects for c in self._owners(o)]
            near = [n for wanted in _CONTENT_CASES for case, n in phrases if case == wanted]
            far = [n for wanted in _CONTENT_SETTINGS for case, n in phrases if case == wanted]
            for node in [*clauses.indirect(below), *objects, *near, *owners, *far]:
                if self._is_party(node):
                    return [node]
            deeper = [] if not tree.children(below, "xcomp", "ccomp") else self._content_party(below)
            if deeper:
                return deeper
        return []

    def _is_party(self, node: Node) -> bool:
        """Say whether a phrase names somebody who can be acted on."""
        arguments = as_arguments(self._tree, node, "content", self._lexicon)[:1]
        return node.pos != "PRON" and not is_day(node) and any(self._is_class(a, ("ACTOR",)) for a in arguments)

    def _aimed_at(self, verb: Node) -> list[Node]:
        """Return the object of the aim of a verb ("a fait usage de gaz pour disperser la foule")."""
        for aim in self._tree.children(verb, "advcl", "obl:mod", "xcomp", "acl"):
            if aim.is_verbal:
                for below in (aim, *self._tree.children(aim, "xcomp", "obl:arg")):
                    if below.is_verbal and (found := self._clauses.object(below)):
                        return found
        return []

    def _speaker(self, verb: Node) -> list[Node]:
        """Return who says what a clause says ("X estime que Y est à l'origine de…")."""
        saying = self._lexicon.word_set("saying")
        for above in self._tree.ancestors(verb):
            if above.is_verbal and above.lemmas & saying:
                return self._clauses.subject(above)
        for below in self._tree.children(verb, "parataxis"):
            if below.lemmas & saying:
                return self._clauses.subject(below)
        return []

    def support_of(self, noun: Node) -> Node | None:
        """Return the support verb that a noun of action stands under ("lancer une offensive"), if any."""
        tree = self._tree
        above = tree.head(noun)
        if above is not None and noun.relation == "conj":
            above = tree.head(tree.first_conjunct(noun))
        if above is not None and is_day(above) and (over := tree.head(above)) is not None and over.is_verbal:
            return over if over.lemmas & self._support_actor else None  # "a lancé dimanche des raids"
        if above is None or not above.is_verbal or noun.relation not in _ARGUMENT_RELATIONS | {"conj"}:
            return None
        if above.lemmas & self._support_actor or above.lemmas & self._support_target:
            passive = self._clauses.is_passive(above)
            if noun.relation in {"obj", "nsubj:pass", "obl:arg", "conj"} or (passive and noun.relation == "nsubj"):
                return above
            if not passive and self._clauses.is_partitive(noun, above):
                return above
            if noun.relation in {"xcomp", "obl:mod"} and tree.case(noun) in {"a", "de", "in", "out", "to"}:
                return above
        return None

    def _bare_complements(self, noun: Node) -> list[Node]:
        """Return complements without determiner ("offensives d'envergure"), on which the parser hangs participles."""
        tree = self._tree
        return [c for c in tree.children(noun, "nmod") if tree.case(c) in {"de", "of"} and not tree.child(c, "det")]

    def _adnominal_verbs(self, noun: Node) -> list[Node]:
        """Return the participles and relative clauses on a noun ("l'offensive lancée par…", "qui a été imposé par")."""
        return [
            c
            for holder in (noun, *self._bare_complements(noun))
            for c in self._tree.children(holder, "acl", "acl:relcl", "amod")
            if c.is_verbal and c.lemmas & self._support_actor and self._clauses.is_passive(c)
        ]

    def _fill_noun(self, match: Match, frame: Frame) -> Filled:
        noun, tree, clauses = match.node, self._tree, self._clauses
        support = self.support_of(noun)
        inner = self._adnominal_verbs(noun)
        last = match.words[-1]
        phrase = match.words if tree.language == "en" else (noun,)  # "Israel's air strikes": they are the strikes'
        undergone = support is not None and bool(support.lemmas & self._support_target)

        def find(source: str) -> list[Node]:
            if source == "support":
                if support is None or undergone:
                    return [agent for verb in inner for agent in clauses.subject(verb)]
                return clauses.subject(support)
            if source == "content":
                return self._content_party(noun)
            if source == "adjective":
                return [
                    c
                    for w in match.words
                    for c in tree.children(w, "amod", "acl")
                    if c.pos in {"ADJ", "NOUN", "PROPN", "VERB"} and (tree.language != "en" or c.text[:1].isupper())
                ]
            if source == "possessive":
                return [c for w in phrase for c in tree.children(w, "nmod:poss")] + [
                    c for c in tree.children(noun, "det") if "Poss=Yes" in c.morph
                ]
            if source == "compound":
                return [c for w in phrase for c in tree.children(w, "compound") if c not in match.words]
            own = [n for w in match.words for case, n in clauses.obliques(w) if case == source]
            if not own and source in {"par", "by"}:  # "le rejet de la demande par le parlement"
                inner_phrases = [c for w in match.words for c in tree.children(w, "nmod", "obl:arg")]
                own = [n for c in inner_phrases for case, n in clauses.obliques(c) if case == source]
            if own:
                return own
            below = [n for verb in inner for case, n in clauses.obliques(verb) if case == source]
            if below:
                return below
            governor = support or tree.head(noun)
            if governor is not None and governor.is_verbal and (support is not None or source in _WANDERING):
                return [n for case, n in clauses.obliques(governor) if case == source and n.index > last.index]
            if governor is not None and noun.relation == "nmod" and source in _WANDERING:
                return [n for case, n in clauses.obliques(governor) if case == source and n.index > last.index]
            return []

        roles = frame.noun
        actors = self._take(match, roles.actor, find)
        targets = self._take(match, roles.target, find)
        if undergone and support is not None:
            subjects = tuple(
                a for n in clauses.subject(support) for a in as_arguments(tree, n, "support", self._lexicon)
            )
            targets = subjects or targets
        taken = {a.node.index for a in actors}
        targets = tuple(t for t in targets if t.node.index not in taken)
        return Filled(actors, targets, support or noun, support is not None)
