"""Corrections of what the French parser gets wrong in news as a rule: participles, numerals, inverted subjects.

Each correction is one rule of grammar that holds whatever the words are; it runs on the nodes of a sentence before they
become a :class:`~streams.coding.tree.Tree`, in one pass each. Does not know the lexicon of acts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from streams.coding.repair_inversion import subjects_behind
from streams.coding.tree import DETERMINERS, Node, is_day

#: Returns the folded infinitives whose past participle a form may be.
ParticipleOf = Callable[[str], frozenset[str]]

_HAVE = frozenset(
    [
        "ai",
        "as",
        "a",
        "avons",
        "avez",
        "ont",
        "avais",
        "avait",
        "avions",
        "aviez",
        "avaient",
        "aurai",
        "auras",
        "aura",
        "aurons",
        "aurez",
        "auront",
        "aurais",
        "aurait",
        "aurions",
        "auriez",
        "auraient",
        "aie",
        "aies",
        "ait",
        "ayons",
        "ayez",
        "aient",
        "avoir",
        "ayant",
        "eut",
        "eurent",
    ]
)
_BE = frozenset(
    [
        "suis",
        "es",
        "est",
        "sommes",
        "etes",
        "sont",
        "etais",
        "etait",
        "etions",
        "etiez",
        "etaient",
        "serai",
        "seras",
        "sera",
        "serons",
        "serez",
        "seront",
        "serais",
        "serait",
        "serions",
        "seriez",
        "seraient",
        "soit",
        "soient",
        "sois",
        "etre",
        "etant",
        "fut",
        "furent",
    ]
)
#: Words between an auxiliary and its participle, beside adverbs.
_BETWEEN = frozenset(
    [
        "pas",
        "plus",
        "jamais",
        "deja",
        "aussi",
        "bien",
        "donc",
        "tous",
        "toutes",
        "rien",
        "tout",
        "d'",
        "abord",
        "ensuite",
    ]
)
_MISTAGGED = frozenset({"NOUN", "ADJ", "PROPN", "X", "ADV", "ADP"})
_CLITIC_OR_ARTICLE = frozenset(["l'", "le", "la", "les", "leur"])
_FEW = frozenset(["quatre", "cinq", "six", "sept", "huit", "neuf", "dix"])
_DETERMINERS = DETERMINERS | _CLITIC_OR_ARTICLE | _FEW
_NOMINAL_RELATIONS = ("nsubj", "obj", "iobj", "nmod", "obl", "appos", "conj")
#: Participles that are everyday prepositions, nouns or adverbs without an auxiliary.
_NEVER_BARE = frozenset(
    ["vu", "excepte", "hormis", "passe", "sauf", "suite", "cote", "parti", "partie", "mort", "morts"]
)
_NUMERALS = frozenset(["cent", "cents", "mille", "vingts", "millier"])
_AFTER_BARE = frozenset(
    [
        "par",
        "a",
        "au",
        "aux",
        "en",
        "dans",
        "depuis",
        "pour",
        "lors",
        "apres",
        "avant",
        "avec",
        "sous",
        "contre",
        "de",
        "d'",
        "du",
        "sur",
        "et",
        "puis",
        "pendant",
        "durant",
        "hors",
        "vers",
        "devant",
        "chez",
    ]
)
_RELATIVES = frozenset(["dont", "qui", "que", "qu'", "ou", "auquel", "lequel", "laquelle"])
_CLAUSAL = frozenset({"parataxis", "advcl", "ccomp", "conj", "dep"})
#: Words that may stand between an auxiliary and its participle, at most.
_FAR = 4


def repair_french(nodes: list[Node], participle_of: ParticipleOf) -> None:
    """Correct tags, relations and heads of a French sentence in place.

    Args:
        nodes: the sentence's tokens in order; ``children`` are not filled yet.
        participle_of: tells of which verbs a form is the past participle.
    """
    _nouns_in_ant(nodes)
    _participles(nodes, participle_of)
    _bare_participles(nodes, participle_of)
    _numerals(nodes)
    _clitics(nodes)
    subjects_behind(nodes)
    _inverted_passive(nodes)
    _subject_of_parenthesis(nodes)
    _relative_as_root(nodes)


_BARE_BEEN = re.compile(r"\b(?:a|ont|avait|avaient|aurait|auraient|aura|auront|ayant|avoir)\s+ete\b", re.IGNORECASE)
_AFTER_AUXILIARY = re.compile(
    r"\b(?:a|ont|avait|avaient|aurait|auraient|ayant|avoir|ete|été|est|sont|etait|etaient)\s+([a-z]{2,}e(?:e?s?))\b"
)


def restore_accents(sentence: str, participle_of: ParticipleOf) -> str:
    """Return a sentence written without accents with those of its passives and participles, as long as it was.

    "a ete arrete" becomes "a été arreté", which the parser knows for what it is. A sentence that has an accent, or no
    "ete" after a form of "avoir", is returned as it is.
    """
    if not sentence.isascii() or not _BARE_BEEN.search(sentence):
        return sentence
    letters = list(sentence)
    for found in _BARE_BEEN.finditer(sentence):
        letters[found.end() - 3] = letters[found.end() - 1] = "é"
    for found in _AFTER_AUXILIARY.finditer("".join(letters)):
        word = found.group(1)
        stem = word.rstrip("s")
        last = len(stem) - (2 if stem.endswith("ee") else 1)
        accented = word[:last] + "é" + word[last + 1 :]
        if participle_of(accented):
            letters[found.start(1) + last] = "é"
    return "".join(letters)


def _nouns_in_ant(nodes: list[Node]) -> None:
    """Repair "L'opposant", "un assaillant": a determiner before a form in -ant makes it a noun."""
    for before, node in pairwise(nodes):
        if node.pos not in {"VERB", "ADJ"} or not node.folded.endswith(("ant", "ants", "ante", "antes")):
            continue
        earlier = nodes[before.index - 1].folded if before.index else ""
        follower = nodes[node.index + 1].pos if node.index + 1 < len(nodes) else ""
        if node.pos == "ADJ" and follower in {"NOUN", "PROPN"}:
            continue
        if before.folded in _CLITIC_OR_ARTICLE and not node.relation.startswith(_NOMINAL_RELATIONS):
            continue  # "les policiers leur répondant"
        if before.folded in _DETERMINERS and earlier not in {"en", "ne"} and before.head == node.index:
            node.pos = "NOUN"
            node.morph = frozenset(m for m in node.morph if not m.startswith(("VerbForm", "Tense")))
            before.pos, before.relation = "DET", "nummod" if before.relation == "nummod" else "det"


def _auxiliary_before(nodes: list[Node], index: int) -> tuple[Node, Node | None] | None:
    """Return the finite auxiliary right before a word, and the "été" between them if there is one."""
    been: Node | None = None
    for position in range(index - 1, max(-1, index - 1 - _FAR), -1):
        here = nodes[position]
        if here.folded == "ete" and been is None:
            been = here
        elif here.folded in _HAVE | _BE and here.pos in {"AUX", "VERB"}:
            return here, been
        elif here.pos != "ADV" and here.folded not in _BETWEEN:
            return None
    return None


def _participles(nodes: list[Node], participle_of: ParticipleOf) -> None:
    """Repair "ont profané", "a été empoisonné", "est détenu": a participle after its auxiliary is a verb."""
    for node in nodes:
        if node.pos not in _MISTAGGED or node.folded in {"ete", "lieu"} or not participle_of(node.text):
            continue
        found = _auxiliary_before(nodes, node.index)
        if found is None:
            continue
        auxiliary, been = found
        passive = been is not None or auxiliary.folded in _BE
        if passive and been is None and not (node.pos == "ADJ" and auxiliary.relation == "cop"):
            continue  # "est député", "sont détenus à": only what the parser already reads as a predicate
        if auxiliary.folded in _HAVE and been is None and node.pos == "ADV":
            continue
        _raise(nodes, node, auxiliary, been)
        _as_participle(node)
        for helper in (auxiliary, been):
            if helper is None:
                continue
            helper.pos, helper.head = "AUX", node.index
            helper.relation = "aux:pass" if passive and helper is (been or auxiliary) else "aux:tense"
        if passive:
            for child in nodes:
                if child.head == node.index and child.relation == "nsubj":
                    child.relation = "nsubj:pass"


def _raise(nodes: list[Node], node: Node, *auxiliaries: Node | None) -> None:
    """Put a participle in the place of an auxiliary that the parser made the head of the clause."""
    for auxiliary in auxiliaries:
        if auxiliary is None or node.head != auxiliary.index:
            continue
        outer = auxiliary.head
        node.head = node.index if outer == auxiliary.index else outer
        node.relation = auxiliary.relation
        for child in nodes:
            if child.head == auxiliary.index and child.index not in {node.index, auxiliary.index}:
                child.head = node.index


def _as_participle(node: Node) -> None:
    verbs = [x for x in node.lemmas if x.endswith(("er", "ir", "re"))]
    node.pos = "VERB"
    node.lemma = min(verbs, key=lambda x: (len(x), x)) if verbs else node.lemma
    node.morph = (node.morph - {"VerbForm=Fin"}) | {"VerbForm=Part", "Tense=Past"}


def _bare_participles(nodes: list[Node], participle_of: ParticipleOf) -> None:
    """Repair "Arrêté mardi à Minsk, l'opposant…", "(arrêté à Minsk)": a bare participle that opens a phrase."""
    starts = [n.index for n in nodes if n.pos != "PUNCT"][:1]
    starts += [n.index + 1 for n in nodes[:-1] if n.text in {",", "("} and n.index + 1 not in starts]
    for start in starts:
        if start + 2 < len(nodes):
            _read_bare(nodes, nodes[start], participle_of, opens=start == starts[0])
    for node in nodes:
        above = nodes[node.head]
        if node.pos != "VERB" or "VerbForm=Part" not in node.morph or node.head == node.index:
            continue
        if above.folded == "fois" and above.index < node.index and above.head != above.index:
            node.relation, node.head = "advcl", above.head  # "une fois arrêté, il…"
        elif node.relation == "appos" and above.pos in {"NOUN", "PROPN"} and participle_of(node.text):
            node.relation = "acl"


def _read_bare(nodes: list[Node], node: Node, participle_of: ParticipleOf, *, opens: bool) -> None:
    if node.pos not in {"NOUN", "ADJ", "PROPN"} or node.folded in _NEVER_BARE or not participle_of(node.text):
        return
    follower = nodes[node.index + 1]
    if node.text[:1].isupper() and not opens:
        return
    agreed = follower.folded in _AFTER_BARE or is_day(follower)
    if not agreed and not (opens and (follower.pos == "ADV" or follower.text == ",")):
        return
    if node.relation in {"nsubj", "nsubj:pass", "conj"}:
        return
    if opens:
        if node.head == node.index and "," not in {n.text for n in nodes}:
            return
    elif not any(n.head == node.index and n.relation == "obl:agent" for n in nodes) and node.relation != "acl":
        return
    _as_participle(node)
    if node.head != node.index and node.relation != "acl":
        nominal = nodes[node.head].pos in {"NOUN", "PROPN", "PRON"} and node.head < node.index
        node.relation = "acl" if nominal else "advcl"


def _numerals(nodes: list[Node]) -> None:
    """Repair "Deux cents personnes": the noun heads the phrase, not the numeral."""
    for node in nodes:
        if node.folded not in _NUMERALS or node.pos not in {"NOUN", "NUM"} or node.index + 1 >= len(nodes):
            continue
        counted = next(
            (
                n
                for n in nodes[node.index + 1 : node.index + 4]
                if n.head == node.index and n.pos == "NOUN" and n.relation in {"amod", "nmod", "obj", "flat", "appos"}
            ),
            None,
        )
        between = () if counted is None else nodes[node.index + 1 : counted.index]
        if counted is None or any(n.pos not in {"NUM", "ADJ"} and n.folded not in _NUMERALS for n in between):
            continue
        counted.head = counted.index if node.head == node.index else node.head
        counted.relation = node.relation
        for child in nodes:
            loose = child.head == node.index and child.index not in {node.index, counted.index}
            if loose and (child.relation != "nummod" or child.index > counted.index):
                child.head = counted.index
        node.pos, node.relation, node.head = "NUM", "nummod", counted.index


def _clitics(nodes: list[Node]) -> None:
    """Repair "s'en prendre à", "y mettre fin": these pronouns are no party of the verb."""
    for before, node in pairwise(nodes):
        if node.folded in {"en", "y"} and node.pos == "PRON" and before.folded in {"s'", "se", "m'", "nous", "n'"}:
            node.relation = "expl:comp"


def _inverted_passive(nodes: list[Node]) -> None:
    """Repair "Ont été arrêtés trois journalistes": what follows a passive without subject is its subject."""
    for node in nodes:
        if not node.is_verbal:
            continue
        children = [n for n in nodes if n.head == node.index and n.index != node.index]
        for child in children:
            if child.relation.startswith("nsubj") and child.folded in _HAVE and child.index < node.index:
                child.pos, child.relation = "AUX", "aux:tense"
        passive = any(c.relation == "aux:pass" for c in children)
        reflexive = any(c.folded in {"s'", "se"} for c in children)
        if not passive or reflexive or any(c.relation.startswith(("nsubj", "csubj")) for c in children):
            continue
        if node.relation not in {"root", "ROOT"}:
            continue
        after = next((c for c in children if c.relation == "obj" and c.index > node.index), None)
        if after is not None and not is_day(after):
            after.relation = "nsubj:pass"


def _subject_of_parenthesis(nodes: list[Node]) -> None:
    """Repair "Le maire, furieux, a rejeté…": a subject given to the adjective in between is that of the verb."""
    for node in nodes:
        if node.pos != "ADJ" or node.relation not in {"root", "ROOT"}:
            continue
        children = [n for n in nodes if n.head == node.index and n.index != node.index]
        subject = next((c for c in children if c.relation == "nsubj" and c.index < node.index), None)
        if subject is None or any(c.relation == "cop" for c in children):
            continue
        verbs = [c for c in children if c.index > node.index and c.is_verbal and c.relation in _CLAUSAL]
        verb = verbs[0] if verbs else None
        if verb is None or nodes[node.index - 1].index == subject.index:
            continue
        own = {n.relation for n in nodes if n.head == verb.index}
        finite = "VerbForm=Fin" in verb.morph or "aux:tense" in own or "aux:pass" in own
        if finite and not own & {"nsubj", "nsubj:pass"}:
            verb.head, verb.relation = verb.index, "root"
            subject.head, subject.relation = verb.index, "nsubj:pass" if "aux:pass" in own else "nsubj"
            node.head, node.relation = subject.index, "amod"


def _relative_as_root(nodes: list[Node]) -> None:
    """Repair "La présidente, dont le pays…, a expulsé": a relative clause that the parser made the main clause."""
    for node in nodes:
        if not node.is_verbal or node.relation not in {"root", "ROOT"}:
            continue
        children = [n for n in nodes if n.head == node.index and n.index != node.index]
        first = next((c for c in children if c.index < node.index and c.pos in {"NOUN", "PROPN"}), None)
        if first is None or any(n.head == first.index and n.relation == "case" for n in nodes):
            continue
        between = [n for n in nodes[first.index + 1 : node.index] if n.pos not in {"ADJ", "PROPN"}]
        if len(between) < 2 or between[0].text != "," or between[1].folded not in _RELATIVES:
            continue
        for verb in children:
            own = {n.relation for n in nodes if n.head == verb.index}
            finite = "VerbForm=Fin" in verb.morph or own & {"aux:tense", "aux:pass"}
            if verb.index < node.index or not verb.is_verbal or verb.relation not in _CLAUSAL or not finite:
                continue
            opening = min([verb.index, *(n.index for n in nodes if n.head == verb.index and n.pos in {"AUX", "PRON"})])
            if own & {"nsubj", "nsubj:pass", "mark", "cc"} or nodes[opening - 1].text != ",":
                continue
            verb.head, verb.relation = verb.index, "root"
            first.head, first.relation = verb.index, "nsubj:pass" if "aux:pass" in own else "nsubj"
            node.head, node.relation = first.index, "acl:relcl"
            return
