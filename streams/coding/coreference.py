"""Antecedents within an article, as far as rules carry: pronouns, "son pays", "les deux pays", a surname for a name.

A wrong antecedent is worse than none: without agreement in number (and gender, where both are known), or with the
nearest subject further than two sentences back, nothing is returned. Does not resolve names to actors.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from streams.coding.arguments import Argument, as_arguments
from streams.coding.clauses import Clauses
from streams.coding.lexicon import Lexicon
from streams.coding.tree import Node, Tree

#: How many sentences back a subject can still be meant by a pronoun.
_REACH = 2

#: A title counts as that of who was last called so among this many who were: in long texts one title recurs endlessly.
_MOST_CALLED = 500


@dataclass(frozen=True, slots=True)
class Antecedent:
    """A noun phrase that may be referred to."""

    start: int
    end: int
    sentence: int
    plural: bool
    feminine: bool | None
    """None where the text does not show it."""
    human: bool
    core: str
    subject: bool
    parts: tuple[tuple[int, int], ...] = ()
    """Offsets of each of several coordinated parties; empty for one."""


class Antecedents:
    """What an article has named so far, in order of reading. Feed sentences in order with :meth:`read`."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Take the language's word lists."""
        self._lexicon = lexicon
        self._seen: defaultdict[int, list[Antecedent]] = defaultdict(list)
        self._called: defaultdict[str, list[tuple[int, Antecedent]]] = defaultdict(list)
        self._count = 0
        self._names: dict[str, Antecedent] = {}
        self._speakers: dict[int, Antecedent] = {}
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._sentences: list[int] = []
        self._spoken: list[int] = []  # the sentences that tell who speaks, in order

    def read(self, tree: Tree, clauses: Clauses) -> None:
        """Remember the noun phrases of a sentence: subjects, objects, agents, and who speaks in it."""
        found: list[Antecedent] = []
        for node in tree.nodes:
            if node.pos not in {"NOUN", "PROPN"} or not node.relation.startswith(
                ("nsubj", "obj", "obl:agent", "iobj", "obl:arg", "root", "ROOT", "appos", "nmod", "conj")
            ):
                continue
            subject = node.relation.startswith("nsubj")
            for argument in as_arguments(tree, node, node.relation, self._lexicon)[:1]:
                made = self._antecedent(argument, tree, subject=subject)
                found.append(made)
                self._remember_name(argument, made, tree)
        self._seen[tree.sentence] += found
        self._starts.append(tree.start)
        self._ends.append(tree.end)
        self._sentences.append(tree.sentence)
        for made in found:
            self._called[made.core].append((self._count, made))
            self._count += 1
        self._note_speaker(tree, clauses)
        if tree.sentence in self._speakers and tree.sentence not in self._spoken[-1:]:
            self._spoken.append(tree.sentence)

    def _antecedent(self, argument: Argument, tree: Tree, *, subject: bool) -> Antecedent:
        core, node = argument.core, argument.node
        coordinated = len(tree.conjuncts(node)) > 1
        start, end = argument.start, argument.end
        parts: tuple[tuple[int, int], ...] = ()
        if coordinated and subject:
            several = as_arguments(tree, node, "subject", self._lexicon)
            end = max(end, several[-1].end)
            parts = tuple((a.start, a.end) for a in several) if len(several) > 1 else ()
        determiners = tree.children(node, "det")
        features = {f for d in determiners for f in d.morph} | set(node.morph)
        feminine = True if "Gender=Fem" in features else (False if "Gender=Masc" in features else None)
        if tree.language == "en":
            feminine = None
        classes = self._lexicon.classes
        named = core.pos == "PROPN" or core.text[:1].isupper()
        human = named or bool(core.lemmas & (classes["PERSON"] | classes["INSTITUTION"]))
        plural = coordinated or "Number=Plur" in features or core.index != node.index
        return Antecedent(start, end, tree.sentence, plural, feminine, human, core.lemma, subject, parts)

    def _remember_name(self, argument: Argument, made: Antecedent, tree: Tree) -> None:
        """Remember the last word of a full name, so that the surname alone finds it again."""
        names = [
            n for n in tree.subtree(argument.node, frozenset({"acl:relcl", "conj", "nmod", "acl"})) if n.pos == "PROPN"
        ]
        if len(names) >= 2:
            self._names.setdefault(names[-1].folded, made)

    def _note_speaker(self, tree: Tree, clauses: Clauses) -> None:
        saying = self._lexicon.word_set("saying")
        for node in tree.nodes:
            if node.is_verbal and node.lemmas & saying and node.relation in {"root", "ROOT", "parataxis", "conj"}:
                for subject in clauses.subject(node)[:1]:
                    for argument in as_arguments(tree, subject, "subject", self._lexicon)[:1]:
                        if argument.core.pos == "PRON":
                            before = self._nearest(argument.core, tree, subjects_only=True)
                            if before is not None:
                                self._speakers[tree.sentence] = before
                        else:
                            self._speakers[tree.sentence] = self._antecedent(argument, tree, subject=True)
                return

    def speaker(self, sentence: int) -> Antecedent | None:
        """Return who speaks in a sentence, or in the one after or before it (a quotation over several sentences)."""
        for near in (sentence, sentence + 1, sentence - 1):
            if near in self._speakers:
                return self._speakers[near]
        return None

    def quoted(self, start: int, end: int) -> Antecedent | None:
        """Return who says what stands in quotation marks from one offset to another, however many sentences that is.

        The verb of saying stands in a sentence that the quotation touches, the last first, or in the one before it.
        """
        first = max(0, bisect_right(self._starts, start) - 1)
        if self._ends and self._ends[first] <= start and first + 1 < len(self._starts):
            first += 1  # the sentence read before the quotation ends before it
        last = bisect_right(self._starts, end) - 1
        if last < first:
            return None
        spoken = bisect_right(self._spoken, self._sentences[last]) - 1
        if spoken >= 0 and self._spoken[spoken] >= self._sentences[first]:
            return self._speakers[self._spoken[spoken]]
        return self._speakers.get(self._sentences[first] - 1)

    def first_subject(self, sentence: int) -> Antecedent | None:
        """Return the first subject of a sentence, None where it has none or was not read."""
        return next((made for made in self._in(sentence) if made.subject), None)

    def _in(self, *sentences: int) -> Iterator[Antecedent]:
        """Yield what some sentences name, in the order given."""
        for sentence in sentences:
            yield from self._seen.get(sentence, ())

    def of(self, argument: Argument, tree: Tree, others: frozenset[int] = frozenset()) -> Antecedent | None:
        """Return what an argument refers back to, or None if it names its party itself or the reference is not sure.

        Args:
            argument: the argument.
            tree: its sentence.
            others: where the other parties of its act start: what acts on somebody is not whom it acts on.
        """
        core, words = argument.core, self._lexicon.word_set
        if self.points_back(argument, tree):
            return self._last_named(core, tree, others)
        if core.folded in words("first_person"):
            return self.speaker(tree.sentence)
        if argument.source == "possessive" and core.pos == "DET":
            return self._owner(core, tree)
        if core.folded in words("third_person") or (core.pos == "PRON" and "Person=3" in core.morph):
            return self._nearest(core, tree, others, subjects_only=core.folded not in {"l'", "le", "la", "les"})
        determiners = tree.children(argument.node, "det") + tree.children(argument.node, "nmod:poss")
        if core.lemmas & words("own_country") and any(
            "Poss=Yes" in d.morph or d.folded in {"son", "sa", "ses", "leur", "leurs", "his", "her", "their", "its"}
            for d in determiners
        ):
            return self._subject_of_sentence(tree, argument) or self.speaker(tree.sentence)
        return None

    def points_back(self, argument: Argument, tree: Tree) -> bool:
        """Say whether a phrase means whoever was named last: "celui-ci", "ce dernier", "l'intéressé"."""
        core = argument.core
        following = [n.folded.strip("-") for n in tree.nodes[core.index + 1 : core.index + 3]]
        if core.folded in {"celui", "celle", "ceux", "celles"} and "ci" in following:
            return True
        determiners = {c.folded for c in tree.children(core, "det")}
        return bool(core.lemmas & self._lexicon.word_set("pointers")) and bool(
            determiners & self._lexicon.word_set("definite")
        )

    def _last_named(self, pointer: Node, tree: Tree, others: frozenset[int]) -> Antecedent | None:
        """Return the party named last before a pointer that agrees with it."""
        plural = "Number=Plur" in pointer.morph or pointer.folded.endswith("s") or pointer.folded == "ceux"
        feminine = "Gender=Fem" in pointer.morph or pointer.folded in {"celle", "celles"}
        for made in reversed([*self._in(tree.sentence - 1, tree.sentence)]):
            before = made.sentence < tree.sentence or made.end <= pointer.start
            agrees = made.plural == plural and made.feminine in {None, feminine}
            if before and made.human and agrees and made.start not in others:
                return made
        return None

    def _owner(self, possessive: Node, tree: Tree) -> Antecedent | None:
        """Return whom "son", "leur" stands for: the nearest subject before it of its number, else the nearest party."""
        plural = possessive.folded in {"leur", "leurs", "their"}
        fits = [
            made
            for made in self._in(tree.sentence - 1, tree.sentence)
            if made.human and made.plural == plural and (made.sentence < tree.sentence or made.end <= possessive.start)
        ]
        here = [made for made in fits if made.sentence == tree.sentence]
        subjects = [made for made in here if made.subject]
        if subjects:
            return subjects[-1]
        if here:
            return here[-1]
        before = [made for made in fits if made.subject]
        return before[-1] if before else None

    def _subject_of_sentence(self, tree: Tree, argument: Argument) -> Antecedent | None:
        for made in reversed([*self._in(tree.sentence)]):
            if made.subject and made.end <= argument.start:
                return made
        return None

    def _nearest(
        self, pronoun: Node, tree: Tree, others: frozenset[int] = frozenset(), *, subjects_only: bool
    ) -> Antecedent | None:
        plural = "Number=Plur" in pronoun.morph or pronoun.folded in {
            "ils",
            "elles",
            "les",
            "leur",
            "leurs",
            "they",
            "them",
            "their",
            "-ils",
            "-elles",
        }
        feminine = pronoun.folded in {"elle", "elles", "celle-ci", "celles-ci", "she", "her", "-elle", "-elles", "la"}
        masculine = pronoun.folded in {"il", "ils", "he", "him", "his", "celui-ci", "-il", "-ils", "le", "eux"}
        inanimate = pronoun.folded in {"it", "its"}
        fits = [
            made
            for made in self._in(*range(tree.sentence - _REACH, tree.sentence + 1))
            if (made.sentence < tree.sentence or made.end <= pronoun.start)
            and made.human
            and made.plural == plural
            and made.start not in others
            and (
                inanimate
                or made.feminine is None
                or (made.feminine and feminine)
                or (made.feminine is False and masculine)
                or not (feminine or masculine)
            )
        ]
        if not fits:
            return None
        for sentence in range(tree.sentence, tree.sentence - _REACH - 1, -1):
            here = [made for made in fits if made.sentence == sentence]
            subjects = [made for made in here if made.subject]
            if subjects:
                return subjects[0]
            if here and not subjects_only:
                return here[-1]
        return None

    def title_holder(self, argument: Argument, tree: Tree) -> Antecedent | None:
        """Return whom a bare definite title names ("le ministre", "le chef de l'État"): the last so called."""
        core = argument.core
        if not core.lemmas & self._lexicon.classes["LEADER"]:
            return None
        complements = tree.children(core, "amod", "nmod", "appos", "flat:name")
        of_state = all(c.folded == "etat" for c in complements)
        determiners = {c.folded for c in tree.children(core, "det")}
        if not of_state or not determiners & self._lexicon.word_set("definite"):
            return None
        wanted = {core.lemma} | ({"president", "roi"} if core.lemma == "chef" and complements else set())
        called = [pair for core in wanted for pair in self._last_called(core, tree.sentence)]
        for _, made in sorted(called, key=lambda pair: -pair[0]):
            long_enough = made.end - made.start > argument.end - argument.start + 4
            if long_enough and made.start < argument.start and not made.plural:
                return made
        return None

    def _last_called(self, core: str, sentence: int) -> list[tuple[int, Antecedent]]:
        """Return who was called by a noun up to a sentence, as far back as it matters, with their order."""
        called = self._called.get(core, [])
        at = bisect_right(called, sentence, key=lambda pair: pair[1].sentence)
        return called[max(0, at - _MOST_CALLED) : at]

    def full_name(self, word: str) -> Antecedent | None:
        """Return the phrase that first gave the full name of somebody who is now called by a surname."""
        return self._names.get(word)
