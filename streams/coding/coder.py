"""The event coder: article versions in, mentions of political acts out. Pure: no I/O but its data files, no clock.

Does not merge mentions into events, publish, count or log: stages around it do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

from schemas.article import Article
from schemas.mention import CoderVersion, Mention
from streams.coding.actor_data import read_states
from streams.coding.actors import ActorTable
from streams.coding.assembly import Act, in_order, make_mention
from streams.coding.circumstances import Circumstances
from streams.coding.confidence import setting_of, trust_in
from streams.coding.coreference import Antecedents
from streams.coding.data_files import all_files, content_hash
from streams.coding.dates import DateGrammar
from streams.coding.judgement import Judge
from streams.coding.language import CODED_LANGUAGES, detect_language
from streams.coding.learned import Learned, load_learned
from streams.coding.lexicon import Lexicon, load_lexicon
from streams.coding.observation import UNOBSERVED, Observer
from streams.coding.parse import Parser
from streams.coding.parties import Parties
from streams.coding.places import Gazetteer
from streams.coding.plausibility import without_mishaps
from streams.coding.quantities import QuantityGrammar
from streams.coding.text import Sentence, split_sentences
from streams.coding.triggers import Candidates, find_candidates

#: Raised with every change that can change a mention.
CODER_VERSION = "0.4.0"
CODER_NAME = "depeche"

#: How many sentences may name the day of the news.
_LEAD = 5

CodingOutcome = Literal["coded", "no_event", "unsupported_language", "empty", "killed"]


@dataclass(frozen=True, slots=True)
class Coding:
    """What became of one article version.

    Attributes:
        article_id: the article's id.
        article_version: its version.
        outcome: ``coded`` if there is at least one mention, else why there is none.
        language: the language found, two letters; None for an empty or killed article.
        mentions: in order of their evidence, then their trigger.
        sentences: how many sentences the text has; 0 where it was not read.
        candidates: how many of them held a trigger and were parsed.
        doubtful: how many mentions were left out because their confidence is below the least of ``confidence.yaml``.
    """

    article_id: str
    article_version: str
    outcome: CodingOutcome
    language: str | None
    mentions: tuple[Mention, ...]
    sentences: int
    candidates: int
    doubtful: int = 0


@dataclass(frozen=True, slots=True)
class Weighed:
    """A mention with the features that its confidence was made of, for calibration."""

    mention: Mention
    features: Mapping[str, float]
    doubtful: bool
    """True where its confidence is below the least of what is published."""


@dataclass(frozen=True, slots=True)
class _Read:
    weighed: tuple[Weighed, ...]
    sentences: int
    candidates: int


@dataclass(frozen=True, slots=True)
class _Tables:
    """The resolvers that serve both languages."""

    actors: ActorTable
    gazetteer: Gazetteer
    dates: DateGrammar
    quantities: QuantityGrammar
    alpha3: dict[str, str]


class Coder:
    """Codes articles. Build one per process with :func:`load_coder`: it holds the models."""

    def __init__(self, languages: tuple[str, ...], learned: Callable[[str], Learned]) -> None:
        """Take the languages to code; others pass as unsupported. Models load when their language is first met.

        Args:
            languages: two-letter codes.
            learned: gives the trained models of a language.
        """
        self._languages = languages
        self._learned = learned
        self._lexicons: dict[str, Lexicon] = {}
        self._parsers: dict[str, Parser] = {}
        self._models: dict[str, Learned] = {}
        self._hash = content_hash(all_files())

    def warm_up(self) -> None:
        """Load the models and tables now, so that the first article does not wait for them."""
        _tables()
        for language in self._languages:
            self._parser(language)

    def code(self, articles: Sequence[Article]) -> list[Coding]:
        """Return one coding per article, in order; the same article always gives the same coding."""
        return [self._code_one(article) for article in articles]

    def _parser(self, language: str) -> Parser:
        if language not in self._parsers:
            lexicon = load_lexicon(language)
            self._lexicons[language] = lexicon
            self._models[language] = self._learned(language)
            self._parsers[language] = Parser(language, lexicon.knows)
        return self._parsers[language]

    def observe(self, article: Article, observer: Observer) -> Coding:
        """Return the coding of an article, as :meth:`code` does, and tell an observer each decision on the way."""
        return self._code_one(article, observer)

    def _code_one(self, article: Article, observer: Observer = UNOBSERVED) -> Coding:
        def without_mentions(outcome: CodingOutcome, language: str | None = None) -> Coding:
            return Coding(article.article_id, article.version, outcome, language, (), 0, 0)

        if article.status == "killed":
            return without_mentions("killed")
        language = detect_language(article.text, (article.language, article.source.language))
        if language is None:
            return without_mentions("empty")
        if language not in self._languages:
            return without_mentions("unsupported_language", language)
        read = self._read(article, language, observer)
        mentions = in_order([w.mention for w in read.weighed if not w.doubtful])
        return Coding(
            article.article_id,
            article.version,
            "coded" if mentions else "no_event",
            language,
            mentions,
            read.sentences,
            read.candidates,
            sum(w.doubtful for w in read.weighed),
        )

    def weigh(self, article: Article) -> tuple[Weighed, ...]:
        """Return all mentions of an article with their features, doubtful ones too; none where it is not coded."""
        language = detect_language(article.text, (article.language, article.source.language))
        if article.status == "killed" or language is None or language not in self._languages:
            return ()
        return self._read(article, language).weighed

    def _read(self, article: Article, language: str, observer: Observer = UNOBSERVED) -> _Read:
        parser = self._parser(language)
        sentences = split_sentences(article.text, language)
        recogniser = self._models[language].recogniser
        lemmas = recogniser.lemmas if recogniser is not None else ()
        candidates = find_candidates(article.text, sentences, self._lexicons[language], parser.forms, lemmas)
        observer.sifted(sentences, candidates, self._lexicons[language], parser.forms)
        acts = self._acts(article, language, sentences, candidates, observer) if candidates.with_trigger else []
        version = CoderVersion(name=CODER_NAME, version=CODER_VERSION, lexicon=self._hash, model=parser.model)
        setting = setting_of(acts, article.text, len(sentences))
        weighed = []
        for act in acts:
            trust = trust_in(act, setting)
            mention = make_mention(act, article, language, version, (trust.value, trust.reason))
            observer.weighed(act, mention, trust)
            weighed.append(Weighed(mention, trust.features, trust.doubtful))
        return _Read(tuple(weighed), len(sentences), len(candidates.with_trigger))

    def _acts(
        self,
        article: Article,
        language: str,
        sentences: Sequence[Sentence],
        candidates: Candidates,
        observer: Observer,
    ) -> list[Act]:
        tables, lexicon = _tables(), self._lexicons[language]
        text = article.text
        published = article.published.value.date() if article.published.value is not None else None
        circumstances = _circumstances(article, language, sentences, published, lexicon)
        antecedents = Antecedents(lexicon)
        parties = Parties(text, lexicon, tables.actors, antecedents, published)
        judge = Judge(
            text=text,
            title=article.title,
            lexicon=lexicon,
            parties=parties,
            antecedents=antecedents,
            circumstances=circumstances,
            alpha3=tables.alpha3,
            learned=self._models[language],
            observer=observer,
        )
        wanted = [s for s in sentences if s.index in candidates.with_trigger or s.index in candidates.as_context]
        for tree in self._parser(language).parse(text, wanted):
            observer.parsed(tree)
            judge.read(tree, for_acts=tree.sentence in candidates.with_trigger)
        settled = judge.settled(readers=article.source.country)
        kept = without_mishaps(settled, len(sentences), text, lexicon.classes.get("ATTACK", frozenset()))
        observer.settled(settled, kept)
        return kept


def _circumstances(
    article: Article, language: str, sentences: Sequence[Sentence], published: date | None, lexicon: Lexicon
) -> Circumstances:
    tables = _tables()
    country = article.source.country
    found = tables.gazetteer.find(article.text, language=language, capitals=True)
    places = tables.gazetteer.resolve(found, source_country=country)
    title = tables.gazetteer.resolve(tables.gazetteer.find(article.title, language=language), source_country=country)
    circumstances = Circumstances(
        text=article.text,
        lexicon=lexicon,
        places=places,
        title_places=title,
        dates=tables.dates.find(article.text, language=language),
        quantities=tables.quantities.find(article.text, language=language),
        grammar=tables.dates,
        quantity_grammar=tables.quantities,
        published=published,
        title=article.title,
    )
    lead = sentences[min(_LEAD, len(sentences)) - 1]
    circumstances.read_lead(lead.end)
    return circumstances


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    return _Tables(
        ActorTable.load(),
        Gazetteer.load(),
        DateGrammar.load(),
        QuantityGrammar.load(),
        {state.alpha2: state.alpha3 for state in read_states() if state.alpha2},
    )


def load_coder(languages: Sequence[str] = CODED_LANGUAGES, learned: Callable[[str], Learned] = load_learned) -> Coder:
    """Return a coder for these languages.

    Args:
        languages: two-letter codes.
        learned: gives the trained models of a language; by default those that ship.

    Raises:
        ValueError: if a language has no lexicon and parser here; the message names it and those that have.
    """
    unknown = sorted(set(languages) - set(CODED_LANGUAGES))
    if unknown:
        raise ValueError(f"no coder for {', '.join(unknown)}: there are {', '.join(CODED_LANGUAGES)}")
    return Coder(tuple(languages), learned)
