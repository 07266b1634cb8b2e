"""One act as one article version tells it, and the withdrawal of such: the messages on `<prefix>.mentions`.

Does not merge: what several mentions add up to is an `Event`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from schemas.base import CountryAlpha2, CountryAlpha3, LanguageCode, Message, Offset, Part, Text, UtcTime
from schemas.ids import party_code

PloverType = Literal[
    "AGREE",
    "CONSULT",
    "SUPPORT",
    "CONCEDE",
    "COOPERATE",
    "AID",
    "RETREAT",
    "REQUEST",
    "ACCUSE",
    "REJECT",
    "THREATEN",
    "PROTEST",
    "SANCTION",
    "MOBILIZE",
    "COERCE",
    "ASSAULT",
]
"""The 16 event types of PLOVER 2.0 (openeventdata, codebook, CC BY-SA 4.0)."""

Modality = Literal["asserted", "reported", "planned", "denied", "hypothetical"]
QuadClass = Literal["verbal_cooperation", "material_cooperation", "verbal_conflict", "material_conflict"]
Granularity = Literal["day", "month", "year"]


class Span(Part):
    """Words of the article: `article.text[start:end] == text`."""

    text: Text
    """The words, exactly."""
    start: Offset
    """First code point."""
    end: Offset
    """Code point after the last."""

    @model_validator(mode="after")
    def _length_fits(self) -> Self:
        if self.end - self.start != len(self.text):
            msg = f"span {self.start}:{self.end} is {self.end - self.start} code points, its text {len(self.text)}"
            raise ValueError(msg)
        return self


class Evidence(Span):
    """The sentence that tells the act."""

    sentence: int = Field(ge=0)
    """Index of the sentence in the article."""


class Party(Part):
    """An actor or a target: the words, and whom they were resolved to."""

    text: str
    """The words in the text; for a resolved pronoun, those of its antecedent."""
    start: Offset | None = None
    """Where the words stand; null where the party is implied and stands nowhere."""
    end: Offset | None = None
    """Where they end (exclusive)."""
    name: str | None = None
    """Canonical name."""
    country: CountryAlpha3 | None = None
    """Country that the party belongs to."""
    sector: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    """PLOVER sector: GOV MIL REB OPP PTY AGR LEG JUD COP SPY CVL EDU MED NGO IGO UAF PRV …"""
    organisation: str | None = None
    """International organisation or group: UNO EUR NAT AFU ARL IMG …"""
    id: str | None = None
    """Id in the actor table."""
    coreference: bool = False
    """True where the words in the sentence were a pronoun or an allusion."""
    how: str = Field(min_length=1)
    """How it was resolved, or why it was not."""

    @property
    def code(self) -> str:
        """The party's code as ids use it; empty where unknown."""
        return party_code(identifier=self.id, country=self.country, organisation=self.organisation, sector=self.sector)


class Place(Part):
    """Where the act took or takes place: never the actor's nationality."""

    text: str
    """The words in the text."""
    start: Offset | None = None
    """Where the words start; null where they stand nowhere in the text."""
    end: Offset | None = None
    """Where they end (exclusive)."""
    name: str
    """GeoNames name."""
    geonames_id: int | None = None
    """GeoNames id."""
    latitude: float | None = Field(default=None, ge=-90, le=90)
    """Degrees north, WGS 84."""
    longitude: float | None = Field(default=None, ge=-180, le=180)
    """Degrees east, WGS 84."""
    country: CountryAlpha2 | None = None
    """Country that the place lies in."""
    admin1: str | None = None
    """GeoNames ADM1 code within the country."""
    kind: Literal["city", "region", "country", "other"]
    """What the place is."""
    score: float = Field(ge=0, le=1)
    """How sure the resolution is."""
    how: str = Field(min_length=1)
    """How it was chosen among its namesakes and among the places in the article."""


class ActDate(Part):
    """When the act took or takes place, as far as the text says."""

    text: str
    """The words that give the date."""
    start: Offset | None = None
    """Where the words start; null where they stand nowhere in the text."""
    end: Offset | None = None
    """Where they end (exclusive)."""
    value: str | None = Field(default=None, pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")
    """YYYY-MM-DD, YYYY-MM or YYYY; null where the text gives a date that has no anchor."""
    granularity: Granularity | None = None
    """How exact `value` is."""
    how: str = Field(min_length=1)
    """How the words were resolved, or why not."""


class Quantity(Part):
    """How many or how much, tied to the act."""

    kind: Literal["dead", "injured", "arrested", "troops", "people", "money", "other"]
    """What was counted."""
    value: float | None
    """Null for a number that the text leaves open ("des dizaines")."""
    upper: float | None = None
    """The upper end of a range ("20 à 30")."""
    op: Literal["=", "<=", ">=", "~"]
    """Exactly, at most, at least, about."""
    unit: str | None = None
    """What was counted, as the text says it, or the currency."""
    text: str
    """Number and noun as in the text."""
    start: Offset
    """Where the words start; null where they stand nowhere in the text."""
    end: Offset
    """Where they end (exclusive)."""


class Attribution(Part):
    """Who says so."""

    text: str
    """The words that name who says so."""
    start: Offset | None = None
    """Where the words start; null where they stand nowhere in the text."""
    end: Offset | None = None
    """Where they end (exclusive)."""
    party: Party | None = None
    """Whom they were resolved to."""


class Reasons(Part):
    """For each slot, why it was filled so or left empty. All are required: no guess unsaid."""

    type: str = Field(min_length=1)
    """Which lexicon entry fired."""
    actors: str = Field(min_length=1)
    """How the actors were found, or why there are none."""
    targets: str = Field(min_length=1)
    """The same for the targets."""
    place: str = Field(min_length=1)
    """How the place was chosen, or why there is none."""
    date: str = Field(min_length=1)
    """How the date was chosen, or why there is none."""
    quantities: str = Field(min_length=1)
    """How the quantities were tied to the act, or why there are none."""
    modality: str = Field(min_length=1)
    """Which words decide it."""
    attribution: str = Field(min_length=1)
    """How the speaker was found, or why there is none."""
    confidence: str = Field(min_length=1)
    """What raised and lowered it."""


class CoderVersion(Part):
    """What coded: the same input and the same coder version give byte-identical mentions."""

    name: str
    """Name of the coder."""
    version: str
    """Its version."""
    lexicon: str
    """Hash of the coder's data files."""
    model: str
    """Name and version of the parser model."""


class Mention(Message):
    """One act, coded once in one article version. Key: `event_id`. Holds no time of its own making."""

    kind: Literal["mention"] = "mention"
    """Tells a mention from a withdrawal."""
    mention_id: str
    """`ids.mention_id(...)`."""
    event_id: str
    """`ids.event_id(...)`: the act."""
    article_id: str
    """`ids.article_id(...)`."""
    article_version: str
    """The article's version."""
    source_id: str
    """Who published the article."""
    language: LanguageCode
    """Language that it was coded in."""
    published: UtcTime | None
    """The article's publication."""
    fetched: UtcTime
    """The article's fetch; with the version it orders the versions of one article."""
    evidence: Evidence
    """The sentence that tells the act."""
    trigger: Span
    """The word or words that carry the act."""
    type: PloverType
    """PLOVER 2.0 event type."""
    mode: str | None = None
    """PLOVER mode within the type (codebook 2.0)."""
    context: tuple[str, ...] = ()
    """PLOVER contexts (military, diplomatic, legal, …)."""
    cameo: str | None = Field(default=None, pattern=r"^\d{2,4}$")
    """CAMEO code, root first."""
    quad_class: QuadClass
    """Verbal or material, cooperation or conflict."""
    goldstein: float | None = Field(default=None, ge=-10, le=10)
    """Goldstein score of the CAMEO code."""
    plover_score: float = Field(ge=-10, le=10)
    """PLOVER's score of the type."""
    actors: tuple[Party, ...] = ()
    """Who does it."""
    targets: tuple[Party, ...] = ()
    """To whom."""
    place: Place | None = None
    """Where; null with a reason in the mention."""
    date: ActDate | None = None
    """When; null with a reason in the mention."""
    quantities: tuple[Quantity, ...] = ()
    """How many or how much."""
    modality: Modality
    """Happened, said to have happened, planned, denied, or conditional."""
    historical: bool = False
    """The text tells it as background from before the news."""
    attribution: Attribution | None = None
    """Who says so."""
    confidence: float = Field(ge=0, le=1)
    """0 to 1; `Reasons.confidence` says how it came about."""
    reasons: Reasons
    """For each slot, why."""
    coder: CoderVersion
    """What coded it."""


class Withdrawal(Message):
    """An article no longer makes a mention of an event: it was corrected or killed. Key: `event_id`.

    Every mention of `event_id` by `article_id` whose (fetched, version) comes before (`fetched`,
    `article_version`) counts no more. Order of arrival does not matter.
    """

    kind: Literal["withdrawal"] = "withdrawal"
    """Tells a withdrawal from a mention."""
    event_id: str
    """The act that is no longer told."""
    article_id: str
    """The article that no longer tells it."""
    article_version: str
    """The version that no longer says so."""
    fetched: UtcTime
    """When that version was fetched."""
    reason: Literal["corrected", "killed"]
    """What became of the article."""


MentionRecord = Annotated[Mention | Withdrawal, Field(discriminator="kind")]
"""What a record on `<prefix>.mentions` holds; read it with `read_mention_record`."""

_MENTION_RECORD: TypeAdapter[Mention | Withdrawal] = TypeAdapter(MentionRecord)


def read_mention_record(value: bytes) -> Mention | Withdrawal:
    """Read a record of `<prefix>.mentions`; raises pydantic.ValidationError where it is neither."""
    return _MENTION_RECORD.validate_json(value)
