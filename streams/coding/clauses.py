"""Who does what to whom in a clause: logical subject and object whatever the voice, control and coordination.

Works on trees alone, for both languages; lists of verbs come from the lexicon's ``words.yaml``. Does not resolve
pronouns (:mod:`coreference`) nor decide which argument fills which role (:mod:`roles`).
"""

# ruff: noqa: PLR0911, PLR0912 - one rule of grammar per branch; splitting them would hide the order of the rules
from __future__ import annotations

from streams.coding.lexicon import Lexicon
from streams.coding.tree import Node, Tree, is_day

_RELATIVES = frozenset({"qui", "que", "qu'", "dont", "lequel", "laquelle", "lesquels", "lesquelles", "auquel", "ou",
                        "who", "which", "that", "whom", "whose"})  # fmt: skip
_CLITIC_OBJECTS = frozenset({"l'", "le", "la", "les", "l"})
_CLITIC_DATIVES = frozenset({"lui", "leur", "me", "m'", "nous", "vous", "te"})
_REFLEXIVES = frozenset({"se", "s'"})
_ENCLITICS = frozenset({"-il", "-elle", "-ils", "-elles", "-t-il", "-t-elle", "-t-ils", "-t-elles", "-je", "-on"})
_FIRST_REFLEXIVES = frozenset({"me", "m'", "nous", "te", "t'", "vous"})

#: English prepositions of the other side, whose phrase may hang on the object ("fired a salvo of rockets at Haifa").
PEERS = frozenset({"with", "against", "at", "on", "into", "to", "from"})

#: A chain of control or coordination longer than this is a parser's error.
_DEEPEST = 6


def _agrees(participle: Node, noun: Node, *, plural: bool) -> bool:
    """Say whether a French participle can agree with a noun, or with a coordination that begins with it."""
    number = "Number=Plur" if plural else next((f for f in noun.morph if f.startswith("Number=")), None)
    if number is not None and any(f.startswith("Number=") and f != number for f in participle.morph):
        return False
    genders = [f for f in noun.morph if f.startswith("Gender=")]
    return plural or not genders or all(f in genders for f in participle.morph if f.startswith("Gender="))


class Clauses:
    """The clause grammar of one sentence."""

    def __init__(self, tree: Tree, lexicon: Lexicon) -> None:
        """Take a sentence's tree and the word lists of its language."""
        self.tree = tree
        self._active_participles = lexicon.word_set("etre_verbs")
        self._object_control = lexicon.word_set("object_control")
        # Every pattern on a verb asks for the same: by word and depth.
        self._passive: dict[int, bool] = {}
        self._subjects: dict[tuple[int, int], list[Node]] = {}
        self._objects: dict[tuple[int, int], list[Node]] = {}

    def is_reflexive(self, verb: Node) -> bool:
        """Say whether a verb stands with a reflexive pronoun ("se sont rassemblés")."""
        return any(
            c.folded in _REFLEXIVES and (c.relation.startswith(("expl", "obj", "iobj", "obl", "dep")))
            for c in self.tree.children(verb)
        )

    def is_reflexive_for(self, verb: Node) -> bool:
        """Say whether a verb stands with a reflexive pronoun of any person ("me retirer")."""
        return self.is_reflexive(verb) or any(
            c.folded in _FIRST_REFLEXIVES and c.pos == "PRON" and c.relation != "nsubj" and c.index < verb.index
            for c in self.tree.children(verb)
        )

    def is_participle(self, verb: Node) -> bool:
        """Say whether a word is a past participle."""
        return "VerbForm=Part" in verb.morph and ("Tense=Past" in verb.morph or "Aspect=Perf" in verb.morph)

    def is_passive(self, verb: Node) -> bool:
        """Say whether the grammatical subject of a verb, or the noun it modifies, undergoes the act."""
        known = self._passive.get(verb.index)
        if known is None:
            known = self._passive[verb.index] = self._is_passive(verb)
        return known

    def _is_passive(self, verb: Node) -> bool:
        tree = self.tree
        if self.is_reflexive(verb):
            return False
        if tree.child(verb, "aux:pass", "nsubj:pass"):
            return not (verb.lemmas & self._active_participles and tree.language == "fr")
        if not self.is_participle(verb):
            return False
        if verb.lemmas & self._active_participles:
            return False
        if tree.child(verb, "aux:tense") or tree.child(verb, "obj"):
            return False
        if verb.relation == "conj":
            first = tree.first_conjunct(verb)
            if first.is_verbal and self.is_participle(first):
                return self.is_passive(first)
        if tree.child(verb, "cop"):
            return True
        if verb.relation in {"root", "ROOT"}:
            return tree.child(verb, "nsubj") is None or tree.child(verb, "obl:agent") is not None
        return True

    def agent(self, verb: Node) -> list[Node]:
        """Return the "by" phrase of a passive."""
        out = self.tree.children(verb, "obl:agent")
        if not out:
            out = [c for c in self.tree.children(verb, "obl:mod", "obl:arg", "obl", "nmod") if self._by(c)]
        if not out:  # the parser hangs the agent on the noun before it now and then
            near = [n for c in self.tree.children(verb) if c.index > verb.index for n in self.tree.subtree(c)]
            out = [n for n in near if n.relation == "nmod" and self._by(n) and not self._is_act(n)][:1]
        return out

    def _by(self, node: Node) -> bool:
        return self.tree.case(node) in {"par", "by"}

    def _is_act(self, node: Node) -> bool:
        """Say whether the head of a phrase is a noun of action, whose "par" phrase is its own agent."""
        above = self.tree.head(node)
        return above is not None and above.folded.endswith(("tion", "ment", "age", "tions", "ments"))

    def _through_relative(self, node: Node, verb: Node) -> Node | None:
        """Return the antecedent of a relative pronoun, the node itself if it is none."""
        if node.folded not in _RELATIVES or node.pos not in {"PRON", "DET", "ADV", "SCONJ"}:
            return node
        clause = verb
        for above in (verb, *self.tree.ancestors(verb)):
            clause = above
            if above.relation in {"acl:relcl", "acl"}:
                return self.tree.head(above)
        return node if clause.relation == "root" else None

    def surface_subject(self, verb: Node) -> Node | None:
        """Return the grammatical subject that stands with a verb itself."""
        enclitic = self._enclitic(verb)
        if enclitic is not None and self._follows_pause(verb):
            return enclitic
        for c in self.tree.children(verb, "nsubj", "nsubj:pass", "csubj"):
            if c.folded in {"ce", "c'", "cela", "ca", "y"}:
                continue
            return self._through_relative(c, verb)
        return enclitic or self._stray_subject(verb) or self._inverted(verb)

    def _enclitic(self, verb: Node) -> Node | None:
        """Return the pronoun behind its verb that the parser hung elsewhere ("s'indigne-t-il notamment")."""
        for n in self.tree.nodes[verb.index + 1 : verb.index + 3]:
            if n.folded in _ENCLITICS:
                return n
            if not n.text.startswith("-"):
                return None
        return None

    def _inverted(self, verb: Node) -> Node | None:
        """Return the subject that follows its verb after a quotation ("…", s'indigne le maire), tagged as an object."""
        if "VerbForm=Inf" in verb.morph or verb.relation in {"acl", "amod", "advcl", "xcomp"}:
            return None
        if not self._follows_pause(verb):
            return None
        for c in self.tree.children(verb, "obj"):
            if c.index > verb.index and c.pos in {"NOUN", "PROPN"} and not is_day(c):
                return c
        return None

    def _follows_pause(self, verb: Node) -> bool:
        """Say whether a verb with its clitics and auxiliaries follows a quotation or a comma."""
        first = verb.index
        while first and self.tree.nodes[first - 1].pos in {"AUX", "PRON"} and self.tree.nodes[first - 1].text != ",":
            first -= 1
        return first > 0 and self.tree.nodes[first - 1].text[-1:] in {",", '"', "»", "”", "!", "?"}

    def _stray_subject(self, verb: Node) -> Node | None:
        """Return a bare noun phrase before a finite verb that the parser gave no function."""
        auxiliaries = self.tree.children(verb, "aux:tense", "aux:pass")
        if not any("VerbForm=Fin" in n.morph for n in (verb, *auxiliaries)):
            return None
        for c in self.tree.children(verb, "dep", "dislocated", "obl:mod", "obl:arg", "nmod", "vocative", "appos"):
            if c.index < verb.index and c.pos in {"NOUN", "PROPN"} and not self.tree.case(c) and not is_day(c):
                return c
        return None

    def _stray_object(self, verb: Node) -> Node | None:
        """Return a bare noun phrase that the parser hung on an oblique ("a reçu dans la soirée les ministres")."""
        for holder in self.tree.children(verb, "obl:mod", "obl:arg", "obl", "nmod", "advmod"):
            if holder.index < verb.index:
                continue
            for c in self.tree.children(holder, "nmod", "dep", "obl:mod", "obj"):
                bare = c.pos in {"NOUN", "PROPN"} and not self.tree.case(c) and not is_day(c)
                between = any(n.text in {",", "(", "-"} for n in self.tree.nodes[holder.index : c.index])
                if is_day(holder) and c.is_nominal and not between and self._has_plural_article(c):
                    return c  # "ont attaqué mardi des rebelles"
                if bare and not between and self.tree.child(c, "det", "nummod"):
                    return c
        return None

    def _has_plural_article(self, noun: Node) -> bool:
        """Say whether the only preposition of a noun is "des", which is its article as well."""
        words = [c for c in self.tree.children(noun, "case") if c.index < noun.index]
        return len(words) == 1 and words[0].folded == "des"

    def subject(self, verb: Node, depth: int = 0) -> list[Node]:
        """Return the logical subject: who acts. Empty if the text does not say."""
        if depth > _DEEPEST:
            return []
        if self.is_passive(verb):
            agent = self.agent(verb)
            if agent:
                return agent
            if verb.relation == "conj":
                first = self.tree.first_conjunct(verb)
                if first.is_verbal and self.is_passive(first) and first.index != verb.index:
                    return self.agent(first)
            return []
        return self._raw_subject(verb, depth)

    def grammatical_subject(self, verb: Node) -> list[Node]:
        """Return the subject whatever the voice, own or controlled: who "est présent", "est prêt"."""
        return self._raw_subject(verb)

    def _raw_subject(self, verb: Node, depth: int = 0) -> list[Node]:
        """Return the grammatical subject, own or controlled."""
        known = self._subjects.get((verb.index, depth))
        if known is None:
            known = self._subjects[verb.index, depth] = self._find_subject(verb, depth)
        return known

    def _find_subject(self, verb: Node, depth: int) -> list[Node]:
        tree = self.tree
        if depth > _DEEPEST:
            return []
        own = self.surface_subject(verb)
        if own is not None:
            return [own]
        above = tree.head(verb)
        if above is None:
            return []
        relation = verb.relation
        if relation == "conj" and (above.is_verbal or above.pos in {"ADJ", "NOUN"}):
            return self._raw_subject(above, depth + 1) if above.is_verbal else self._of_adnominal(verb, above, depth)
        if relation in {
            "xcomp",
            "ccomp",
            "advcl",
            "obl:mod",
            "obl:arg",
            "csubj",
            "parataxis",
            "dep",
            "aux:tense",
            "obl",
        }:
            if above.is_verbal or above.pos == "ADJ":
                if "VerbForm=Fin" in verb.morph and relation in {"ccomp", "parataxis"}:
                    return []
                if relation in {"xcomp", "ccomp", "obl:arg"} and above.lemmas & self._object_control:
                    controlled = self.object(above, depth + 1) or self.indirect(above)
                    if controlled:
                        return controlled
                return self._raw_subject(above, depth + 1)
            return self._of_adnominal(verb, above, depth)
        if relation in {"acomp", "attr", "prep"} and above.is_verbal:  # "is about to", "is ready to"
            return self._raw_subject(above, depth + 1)
        if relation in {"acl", "acl:relcl", "amod", "nmod"}:
            return self._of_adnominal(verb, above, depth)
        return []

    def _of_adnominal(self, verb: Node, noun: Node, depth: int) -> list[Node]:
        """Return the subject of a verb that depends on a noun: the noun, or who has the noun ("l'intention de…")."""
        if "VerbForm=Inf" in verb.morph:
            own = self.surface_subject(noun)
            if own is not None:  # "il est le premier ministre à se rendre à…"
                return [own]
            for above in self.tree.ancestors(noun):
                if above.is_verbal:
                    return self._raw_subject(above, depth + 1)
            return []
        return [self._agreeing(verb, noun)]

    def _agreeing(self, participle: Node, noun: Node) -> Node:
        """Return the noun that a participle agrees with, where the one it hangs on can't be it.

        "La plainte contre le maire et son épouse, jugés à Lyon": the parser hangs "jugés" on "plainte".
        """
        tree = self.tree
        if tree.language != "fr" or not self.is_participle(participle) or participle.index < noun.index:
            return noun
        if _agrees(participle, noun, plural=len(tree.conjuncts(noun)) > 1):
            return noun
        for n in reversed(tree.nodes[noun.index + 1 : participle.index]):
            first = tree.first_conjunct(n)
            if n.pos not in {"NOUN", "PROPN"} or n.relation.startswith("flat") or is_day(n):
                continue
            if _agrees(participle, n, plural=False):
                return n
            if first.index > noun.index and _agrees(participle, first, plural=True):
                return first
        return noun

    def object(self, verb: Node, depth: int = 0) -> list[Node]:
        """Return the logical object: who undergoes the act."""
        known = self._objects.get((verb.index, depth))
        if known is None:
            known = self._objects[verb.index, depth] = self._find_object(verb, depth)
        return known

    def _find_object(self, verb: Node, depth: int) -> list[Node]:
        tree = self.tree
        if depth > _DEEPEST:
            return []
        if self.is_passive(verb):
            return self._raw_subject(verb, depth)
        for c in tree.children(verb, "obj"):
            if c.folded in _REFLEXIVES or is_day(c):
                continue
            if not tree.child(verb, "nsubj", "nsubj:pass") and self.surface_subject(verb) is c:
                continue
            through = self._through_relative(c, verb)
            if through is not None:
                return [through]
        for c in tree.children(verb, "obl:arg", "obl:mod", "nmod", "obl"):
            if self.is_partitive(c, verb):
                return [c]
        for c in tree.children(verb):
            if c.folded in _CLITIC_OBJECTS and c.pos in {"PRON", "DET"} and c.index < verb.index:
                return [c]
        stray = self._stray_object(verb)
        if stray is not None:
            return [stray]
        for c in tree.children(verb, "conj"):
            if c.is_verbal and not self.is_passive(c):
                return self.object(c, depth + 1)
        if verb.relation == "acl:relcl" and self.surface_subject(verb) is not None:
            above = tree.head(verb)
            gap = not any(c.folded in _RELATIVES for c in tree.children(verb, "nsubj"))
            if (
                above is not None
                and gap
                and any(c.folded in {"que", "qu'", "that", "whom"} for c in tree.children(verb))
            ):
                return [above]
        return []

    def is_partitive(self, node: Node, verb: Node) -> bool:
        """Say whether a "de" phrase is an object with a partitive article ("acheminer de l'aide, des vivres")."""
        words = [c for c in self.tree.children(node, "case") if c.index < node.index]
        if self.tree.language != "fr" or len(words) != 1 or not 0 < words[0].index - verb.index <= 4:
            return False
        if words[0].folded == "des":
            return True
        follower = self.tree.nodes[words[0].index + 1]
        return words[0].folded == "de" and follower.folded in {"l'", "la"} and follower.pos == "DET"

    def indirect(self, verb: Node) -> list[Node]:
        """Return the dative: a clitic ("leur a imposé"), or English "to" and double objects."""
        for c in self.tree.children(verb):
            if c.relation == "iobj" or (c.folded in _CLITIC_DATIVES and c.pos == "PRON" and c.index < verb.index):
                if c.folded in _REFLEXIVES or c.relation in {"nsubj", "nsubj:pass"}:
                    continue
                through = self._through_relative(c, verb)
                return [through] if through is not None else []
        return []

    def through_object(self, verb: Node, case: str) -> list[Node]:
        """Return the phrases with a preposition that hang on a verb's object, or on what that is made of."""
        for holder in self.object(verb):
            inner = [holder, *(n for link, n in self.obliques(holder) if link == "of")]
            found = [n for noun in inner for link, n in self.obliques(noun) if link == case]
            if found:
                return found
        return []

    def obliques(self, node: Node) -> list[tuple[str, Node]]:
        """Return the prepositional phrases of a verb or noun with their preposition."""
        out = []
        for c in self.tree.children(
            node, "obl", "obl:arg", "obl:mod", "obl:agent", "nmod", "advcl", "acl", "xcomp", "iobj", "dep"
        ):
            case = self.tree.case(c)
            if case and c.is_nominal | (c.pos in {"ADJ", "DET", "X"}):
                through = self._through_relative(c, node)
                if through is not None:
                    out.append((case, through))
        return out
