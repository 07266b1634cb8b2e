"""The streams' coder of the tests, changed in ways that a diff must tell apart.

ASSAULT, ACCUSE   the same, said by another coder with other reasons
PROTEST           another modality and confidence
AID               another target, and so another event
THREATEN          becomes ACCUSE
REJECT            is no longer seen
Il fait beau.     is a CONSULT now
RAISE             is nothing now
"""

from collections.abc import Sequence
from dataclasses import replace

from schemas.article import Article
from schemas.ids import event_id, mention_id
from schemas.mention import CoderVersion, Mention, Party
from streams.coding_job import LoadedCoder
from tests.streams.fake_coder import FakeCoding, code_one
from tests.streams.samples import mention

VERSION = "changed-1"
CODER = CoderVersion(name="changed", version="1", lexicon="none", model="none")


def load() -> LoadedCoder:
    return LoadedCoder(version=VERSION, code=code)


def code(articles: Sequence[Article]) -> list[FakeCoding]:
    return [change(article) for article in articles]


def change(article: Article) -> FakeCoding:
    if article.text == "RAISE":
        return FakeCoding("no_event", "fr", (), 1, 0)
    coded = code_one(article)
    if article.text == "Il fait beau.":
        gained = mention(article, plover="CONSULT").model_copy(update={"coder": CODER})
        return replace(coded, outcome="coded", mentions=(gained,))
    mentions = tuple(changed(one) for one in coded.mentions if one.type != "REJECT")
    outcome = "no_event" if coded.outcome == "coded" and not mentions else coded.outcome
    return replace(coded, outcome=outcome, mentions=mentions)


def changed(one: Mention) -> Mention:
    reasons = one.reasons.model_copy(update={"type": "another rule says so"})
    updates: dict[str, object] = {"coder": CODER, "reasons": reasons}
    match one.type:
        case "PROTEST":
            updates |= {"modality": "reported", "confidence": one.confidence - 0.1}
        case "AID":
            updates |= {"targets": (Party(text="NER", country="NER", how="said so"),)}
        case "THREATEN":
            updates |= {"type": "ACCUSE"}
    made = one.model_copy(update=updates)
    return with_ids(made) if one.type in ("AID", "THREATEN") else made


def with_ids(one: Mention) -> Mention:
    """Return a mention with the ids that its slots give it; of another day, so that its event is another, too."""
    actors, targets = [p.code for p in one.actors], [p.code for p in one.targets]
    return one.model_copy(
        update={
            "mention_id": mention_id(
                one.article_id,
                one.article_version,
                start=one.evidence.start,
                end=one.evidence.end,
                trigger_start=one.trigger.start,
                plover=one.type,
                actors=actors,
                targets=targets,
            ),
            "event_id": event_id(
                plover=one.type, actors=actors, targets=targets, place=None, day="2016-05-02", article=one.article_id
            ),
        }
    )
