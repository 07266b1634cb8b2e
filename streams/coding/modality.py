"""Whether the text asserts, reports, plans, denies or only supposes an act.

Walks from the predicate up the clauses that govern it; the first governor that takes a stance decides, negation on the
way turns it to denial. Word lists are the lexicon's. Does not read dates: what makes an act historical is judged with
its date in :mod:`circumstances`.
"""

# ruff: noqa: PLR0911, PLR0912 - one rule of grammar per branch; splitting them would hide the order of the rules
from __future__ import annotations

from dataclasses import dataclass

from schemas.mention import Modality
from streams.coding.clauses import Clauses
from streams.coding.lexicon import Lexicon
from streams.coding.tree import Node, Tree


@dataclass(frozen=True, slots=True)
class Stance:
    """How the text stands to an act, and what in it says so."""

    modality: Modality
    reason: str
    past_perfect: bool
    """True where the act is told in the pluperfect: background."""
    purpose: bool = False
    """True where the act is only an aim ("pour désarmer les milices")."""


#: The reason given for an act that somebody says will not be done: English "will not", "would not".
DECLINED = "negated: it will not be done"

_NE = frozenset({"ne", "n'", "n"})
_FAR = 7

#: Before a noun of action they take it as done or under way, whatever the clause says: "après son arrestation".
_TAKEN_AS_DONE = frozenset(
    {"apres", "depuis", "suite a", "a la suite de", "face a", "malgre", "after", "since", "following", "despite"}
)


class ModalityReader:
    """Reads stances in one sentence."""

    def __init__(self, tree: Tree, lexicon: Lexicon, clauses: Clauses) -> None:
        """Take a sentence and its language's word lists."""
        self._tree = tree
        self._clauses = clauses
        self._words = lexicon.word_set
        self._question = any(n.text == "?" for n in tree.nodes[-3:])

    def is_negated(self, node: Node) -> bool:
        """Say whether a verb or noun is under negation of its own ("ne… pas", "aucun", "sans", "not")."""
        tree, negation = self._tree, self._words("negation")
        children = tree.children(node)
        children += [g for c in children if c.relation == "advmod" for g in tree.children(c)]  # "pas encore"
        if tree.language == "en":
            words = [
                c
                for c in children
                if c.folded in negation and c.relation in {"advmod", "det", "neg", "preconj", "cc:preconj"}
            ]
            no_one = any(
                c.folded in {"no", "neither", "none", "nobody"}
                for side in tree.children(node, "nsubj", "nsubj:pass", "obj")
                for c in [side, *tree.children(side, "det")]
            )
            return bool(words) or no_one or tree.case(node) == "without" or self._marked(node, {"without"})
        if tree.case(node) == "sans" or self._marked(node, {"sans"}):
            return True
        has_ne = any(c.folded in _NE for c in children)
        strong = any(
            c.folded in {"pas", "jamais", "guere", "point", "rien"} and c.relation != "obl:mod" for c in children
        )
        if has_ne and strong:
            return True
        if strong and not has_ne and any(c.folded == "pas" for c in children) and node.is_verbal:
            return True
        if has_ne:
            if any(c.folded in {"que", "qu'"} for c in children) and not strong:
                return False
            if any(c.folded in {"plus", "ni"} for c in children):
                return True
            for c in tree.children(node, "nsubj", "nsubj:pass", "obj"):
                if c.folded in {"aucun", "aucune", "nul", "personne", "rien"} or any(
                    d.folded in {"aucun", "aucune", "nul", "nulle"} for d in tree.children(c, "det", "amod", "advmod")
                ):
                    return True
        return any(c.folded in {"aucun", "aucune", "nul", "nulle"} for c in tree.children(node, "det", "amod"))

    def _marked(self, node: Node, marks: set[str]) -> bool:
        return any(c.folded in marks and c.index < node.index for c in self._tree.children(node, "mark", "case"))

    def _morph(self, verb: Node) -> frozenset[str]:
        """Return the features of the finite part of a verb: its first auxiliary, else its own."""
        for c in self._tree.children(verb, "aux:tense", "aux:pass", "cop", "aux", "aux:caus"):
            if "VerbForm=Fin" in c.morph or "Mood=Cnd" in c.morph or "Tense=Fut" in c.morph:
                return c.morph
        return verb.morph

    def _compound(self, verb: Node) -> bool:
        return any(c.lemmas & {"avoir", "have", "etre"} for c in self._tree.children(verb, "aux:tense"))

    def _tense(self, verb: Node) -> tuple[Modality, str] | None:
        """Return what the tense and mood of a verb say of the act."""
        tree = self._tree
        morph = self._morph(verb)
        if tree.language == "en":
            modals = {c.folded for c in tree.children(verb, "aux:tense")}
            if modals & {"will", "shall", "'ll", "wo"}:
                return "planned", "future"
            if modals & {"would"}:
                return "planned", "future in the past"
            if modals & {"may", "might", "could", "can"}:
                return "hypothetical", "modal verb"
            if modals & {"should", "must"}:
                return "hypothetical", "modal verb of duty"
            return None
        if "Tense=Fut" in morph:
            return "planned", "future tense"
        if "Mood=Cnd" in morph or self._looks_conditional(verb):
            under_past = self._under_past_saying(verb)
            if self._compound(verb) and not under_past:
                return "reported", "hearsay conditional"
            if self._compound(verb):
                return "reported", "conditional perfect under a verb of saying"
            if under_past:
                return "planned", "future in the past"
            if tree.child(verb, "aux:pass"):
                return "reported", "hearsay conditional, passive"
            return "hypothetical", "conditional"
        return None

    def _looks_conditional(self, verb: Node) -> bool:
        """Say whether a form is a conditional that the tagger took for an imperfect ("battraient")."""
        forms = [verb, *self._tree.children(verb, "aux:tense", "aux:pass", "cop")]
        return any(
            f.folded.endswith(("rait", "raient"))
            and "VerbForm=Fin" in f.morph
            and f.lemma + "ait" != f.folded
            and not f.lemma.removesuffix("er").removesuffix("re").removesuffix("ir").endswith("r")
            for f in forms
        )

    def _under_past_saying(self, verb: Node) -> bool:
        saying = self._words("saying")
        for above in self._tree.ancestors(verb):
            if above.is_verbal and above.lemmas & saying:
                morph = self._morph(above)
                return self._compound(above) or "Tense=Imp" in morph or "Tense=Past" in morph
        return False

    def _perfect(self, verb: Node) -> bool:
        """Say whether a verb is in a tense of things done ("a dû", "a pu")."""
        return self._compound(verb) or ("Tense=Past" in verb.morph and "VerbForm=Fin" in verb.morph)

    def read(self, node: Node, *, is_noun: bool) -> Stance:
        """Return the stance to the act that a verb, or a noun of action, carries.

        Args:
            node: the verb (the support verb of a noun that has one), or the bare noun.
            is_noun: True for a bare noun.
        """
        pluperfect = self._pluperfect(node)
        if self.is_negated(node):
            ahead = self._tree.language == "en" and not is_noun and (self._tense(node) or ("",))[0] == "planned"
            return Stance("denied", DECLINED if ahead else "negated", pluperfect)
        own = None if is_noun else self._tense(node)
        purpose = not is_noun and self._is_purpose(node)
        stance = self._from_above(node, is_noun=is_noun)
        if stance is not None and stance[0] in {"denied", "hypothetical"}:
            return Stance(*stance, pluperfect, purpose)
        if own is not None:
            return Stance(*own, pluperfect, purpose)
        if stance is not None:
            return Stance(*stance, pluperfect, purpose)
        if self._question:
            return Stance("hypothetical", "question", pluperfect)
        if purpose:
            return Stance("planned", "an aim", pluperfect, purpose)
        if any(c.lemmas & self._words("reported_adverbs") for c in self._tree.children(node, "advmod", "amod")):
            return Stance("reported", "adverb of hearsay", pluperfect)
        return Stance("asserted", "told as happened or happening", pluperfect)

    def _is_finite(self, verb: Node) -> bool:
        forms = [verb, *self._tree.children(verb, "aux:tense", "aux:pass", "cop")]
        return any("VerbForm=Fin" in n.morph for n in forms)

    def _pluperfect(self, node: Node) -> bool:
        for c in self._tree.children(node, "aux:tense"):
            if c.lemmas & {"avoir", "etre"} and "Tense=Imp" in c.morph:
                return True
            if c.folded == "had":
                return True
        return False

    def _is_purpose(self, node: Node) -> bool:
        if "VerbForm=Inf" not in node.morph and self._tree.language == "fr":
            return False
        marks = {c.folded for c in self._tree.children(node, "mark", "case")}
        if self._tree.language == "fr":
            return bool(marks & {"pour", "afin"}) and node.relation not in {"xcomp", "ccomp"}
        return node.relation in {"advcl", "acl"} and any(
            c.folded == "to" for c in self._tree.children(node, "aux:tense", "mark")
        )

    def _from_above(self, node: Node, *, is_noun: bool) -> tuple[Modality, str] | None:
        """Return what the words that govern an act say of it."""
        tree = self._tree
        if is_noun and tree.case(node) in _TAKEN_AS_DONE:
            return None
        below = node
        infinitive = not is_noun
        for distance, above in enumerate(tree.ancestors(node)):
            if distance >= _FAR:
                break
            if self._conditional_clause(below):
                return "hypothetical", "condition"
            if below.relation in {"acl:relcl", "appos", "parataxis"}:
                return None  # the clause stands for itself
            if below.relation == "acl" and below.is_verbal and "VerbForm=Inf" not in below.morph:
                return None  # so does a participle
            if below.relation == "conj" and below.is_verbal and self._is_finite(below):
                return None
            if below.relation == "conj" and distance == 0 and not is_noun:
                first = self._conjunct_stance(below, above)
                if first is not None:
                    return first
                below = above
                continue
            if below.relation in {"nsubj", "nsubj:pass"} and not (is_noun or above.pos == "ADJ"):
                return None
            if below.relation == "advcl" and not self._marked(below, {"sans", "without"}):
                below = above
                if is_noun:
                    return None
                continue
            found = self._governor(above, below, node, is_noun=is_noun, infinitive=infinitive)
            if found is not None:
                return found
            if above.is_verbal and is_noun:
                return self._existence(above, below)
            if above.is_verbal and "VerbForm=Inf" not in above.morph:
                infinitive = False
            below = above
        if self._conditional_clause(below):
            return "hypothetical", "condition"
        return None

    def _conjunct_stance(self, below: Node, first: Node) -> tuple[Modality, str] | None:
        if not first.is_verbal:
            return None
        if tree_mark := self._tree.child(below, "nsubj", "nsubj:pass", "mark"):
            del tree_mark
            return None
        if self._clauses.is_participle(below) and not self._tree.child(below, "aux:tense", "aux:pass"):
            if self.is_negated(first):
                return "denied", "negated with its conjunct"
            return self._tense(first)
        return None

    def _existence(self, verb: Node, noun: Node) -> tuple[Modality, str] | None:
        """Return what the verb says of an act named by its subject or object ("la rencontre aura lieu")."""
        if noun.relation not in {"nsubj", "nsubj:pass", "obj", "obl:arg", "attr", "xcomp"}:
            return None
        exists = bool(verb.lemmas & self._words("existence"))
        if verb.lemmas & self._words("no_denial"):
            return None
        if self.is_negated(verb) and (exists or noun.relation == "obj" or verb.lemmas & self._words("saying")):
            return "denied", "negated verb"
        if exists or noun.relation == "nsubj:pass":
            return self._tense(verb)
        return None

    def _governor(
        self, above: Node, below: Node, node: Node, *, is_noun: bool, infinitive: bool
    ) -> tuple[Modality, str] | None:
        words, lemmas = self._words, above.lemmas
        governs = below.relation in {
            "xcomp",
            "ccomp",
            "obj",
            "obl:arg",
            "nsubj:pass",
            "acl",
            "nmod",
            "csubj",
            "obl:mod",
            "advcl",
            "nsubj",
            "amod",
            "attr",
        }
        if not governs:
            return None
        nominal = is_noun and below.index == node.index
        if below.relation in {"nsubj", "obl:mod"} and above.is_verbal and nominal:
            return None
        content = below.relation in {"xcomp", "ccomp", "obj", "obl:arg", "nsubj:pass", "acl", "nmod", "csubj"}
        if lemmas & words("denying") and content:
            return "denied", f"denied by “{above.text}”"
        has_ne = any(c.folded in _NE for c in self._tree.children(above))
        if lemmas & words("no_denial") and (has_ne or self.is_negated(above)):
            return None  # "n'hésite pas à menacer", "ne cesse d'accuser": the negation strengthens
        if lemmas & words("refusing") and content and (infinitive or nominal) and self._reach(above, below):
            return "denied", f"refused or prevented: “{above.text}”"
        verbal_stance = above.is_verbal or above.pos in {"ADJ", "NOUN"}
        if verbal_stance and content and self._reach(above, below):
            if lemmas & words("hypothetical") and not self._perfect(above) and not nominal:
                return ("denied" if self.is_negated(above) else "hypothetical"), f"governed by “{above.text}”"
            if nominal and lemmas & words("hypothetical") and not lemmas & {"pouvoir", "falloir", "can", "could"}:
                return "hypothetical", f"governed by “{above.text}”"
            if lemmas & words("requesting") and not (nominal and above.pos == "NOUN"):
                return "hypothetical", f"asked for: “{above.text}”"
            if lemmas & words("attempting") and infinitive and not nominal:
                return ("denied", "attempt negated") if self.is_negated(above) else None
            if (
                lemmas & words("planning")
                and infinitive
                and not nominal
                and not (lemmas & {"devoir", "aller"} and self._perfect(above))
            ):
                if self.is_negated(above):
                    return "denied", f"negated: “{above.text}”"
                how = "threatened:" if lemmas & words("threatening") else "governed by"
                return "planned", f"{how} “{above.text}”"
            if nominal and lemmas & {
                "prevoir",
                "planifier",
                "projeter",
                "promettre",
                "plan",
                "schedule",
                "promise",
                "pledge",
                "preparer",
                "projet",
                "envisager",
            }:
                return "planned", f"governed by “{above.text}”"
        if self.is_negated(above) and infinitive and content and below.relation in {"xcomp", "ccomp"}:
            if lemmas & words("saying") and below.relation == "ccomp":
                return None
            return "denied", f"negated: “{above.text}”"
        return None

    def _reach(self, above: Node, below: Node) -> bool:
        """Say whether a governor's stance reaches what depends on it: not through a finite clause of its own."""
        if below.relation == "ccomp" and "VerbForm=Fin" in self._morph(below) and "Mood=Sub" not in self._morph(below):
            return bool(above.lemmas & self._words("hypothetical"))
        return True

    def _conditional_clause(self, node: Node) -> bool:
        if not node.is_verbal and node.pos not in {"NOUN", "ADJ"}:
            return False
        marks = [c for c in self._tree.children(node, "mark", "advmod") if c.index < node.index]
        if any(c.folded in {"si", "s'", "if", "unless"} and c.relation == "mark" for c in marks):
            # "dire si" asks whether; it is no condition, and no assertion either.
            return True
        return self._tree.case(node) in {"en cas de", "in case of"}
