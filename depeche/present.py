"""Messages as lines and tables for people. Pure: messages in, text out; prints nothing.

Texts come from strangers, and a terminal obeys what it is shown: control characters are made visible first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from pydantic import ValidationError
from rich import box
from rich.table import Table
from rich.text import Text

from schemas.article import Article
from schemas.base import Message
from schemas.dead_letter import DeadLetter, DeadLetterResolution
from schemas.event import Event
from schemas.mention import ActDate, Mention, Modality, Party, Place, Quantity, Withdrawal
from schemas.outcome import Outcome
from schemas.story import Story
from schemas.topics import Topic

_SHORT = 100


class _Act(Protocol):
    """What a mention and an event share."""

    @property
    def type(self) -> str: ...
    @property
    def mode(self) -> str | None: ...
    @property
    def actors(self) -> tuple[Party, ...]: ...
    @property
    def targets(self) -> tuple[Party, ...]: ...
    @property
    def place(self) -> Place | None: ...
    @property
    def date(self) -> ActDate | None: ...
    @property
    def quantities(self) -> tuple[Quantity, ...]: ...
    @property
    def modality(self) -> Modality: ...
    @property
    def historical(self) -> bool: ...
    @property
    def confidence(self) -> float: ...


def printable(text: str) -> str:
    """Return a text on one line, white space collapsed, control and formatting characters shown as escapes."""
    return visible(" ".join(text.split()))


def visible(text: str) -> str:
    """Return a text with control and formatting characters shown as escapes; nothing else changes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 article`, `2 articles`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def short(text: str, length: int = _SHORT) -> str:
    """Return `printable(text)`, cut to a length."""
    line = printable(text)
    return line if len(line) <= length else f"{line[: length - 1]}…"


def party(item: Party) -> str:
    """Return a party as `name (code)`: `Armée française (FRA:MIL)`."""
    codes = ":".join(part for part in (item.organisation or item.country, item.sector) if part)
    name = short(item.name or item.text, 40)
    return f"{name} ({codes})" if codes else name


def parties(items: Sequence[Party]) -> str:
    """Return parties in a row, `?` where there is none."""
    return ", ".join(party(item) for item in items) or "?"


def place(item: Place | None) -> str:
    """Return a place with its country, empty where there is none."""
    if item is None:
        return ""
    return f"{short(item.name, 40)} ({item.country})" if item.country else short(item.name, 40)


def date(item: ActDate | None) -> str:
    """Return a date's value, else its words in quotes, empty where there is none."""
    if item is None:
        return ""
    return item.value or f"“{short(item.text, 30)}”"


def quantity(item: Quantity) -> str:
    """Return a quantity as `>= 20 dead (soldats)`."""
    if item.value is None:
        return f"{short(item.text, 30)} ({item.kind})"
    number = f"{item.value:g}" if item.upper is None else f"{item.value:g} to {item.upper:g}"
    unit = f" ({short(item.unit, 30)})" if item.unit else ""
    return f"{'' if item.op == '=' else item.op + ' '}{number} {item.kind}{unit}"


def modality(item: _Act) -> str:
    """Return the modality, and whether it is history."""
    return f"{item.modality}, historical" if item.historical else item.modality


def act(item: _Act) -> str:
    """Return an act on one line: type, who → whom, where, when, how many, modality, confidence."""
    parts = [
        f"{item.type}{f'/{item.mode}' if item.mode else ''}",
        f"{parties(item.actors)} → {parties(item.targets)}",
        f"in {place(item.place)}" if item.place else "",
        f"on {date(item.date)}" if item.date else "",
        "; ".join(quantity(q) for q in item.quantities),
        modality(item),
        f"{item.confidence:.2f}",
    ]
    return " · ".join(part for part in parts if part)


def line(topic: Topic, value: bytes | None, timestamp_ms: int | None = None) -> str:
    """Return one line on a record of a topic; what is no message of the topic is shown as such."""
    moment = "" if timestamp_ms is None else f"{datetime.fromtimestamp(timestamp_ms / 1000, UTC):%H:%M:%S} "
    message = read(topic, value)
    # Whole: not only texts are a stranger's, but topics, ids and modes, too.
    return moment + visible(describe(message) if isinstance(message, Message) else message)


def read(topic: Topic, value: bytes | None) -> Message | str:
    """Return the message that a record holds, else what is wrong with it and how it begins."""
    if value is None:
        return "INVALID: a record without a value"
    faults = []
    for model in topic.models:
        try:
            return model.from_bytes(value)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            faults.append(f"{model.__name__}: {f'{where}: ' if where else ''}{first['msg']}")
    begin = short(value[:200].decode("utf-8", errors="replace"), 80)
    return f"INVALID ({len(value)} bytes): {printable('; '.join(faults))}: {begin}"


def describe(message: Message) -> str:  # noqa: PLR0911 - one for each model
    """Return a message on one line."""
    match message:
        case Article():
            published = "no date" if message.published.value is None else f"{message.published.value:%Y-%m-%d %H:%M}"
            return (
                f"{message.article_id[:8]}:{message.version[:8]} {message.status} · {short(message.source.id, 40)} · "
                f"{published} · {short(message.title) or '(no title)'} · {len(message.text)} characters"
            )
        case Mention():
            return f"{message.event_id[:8]} {act(message)} · {short(message.evidence.text)}"
        case Withdrawal():
            return f"{message.event_id[:8]} WITHDRAWN by article {message.article_id[:8]}: {message.reason}"
        case Event():
            counts = {"mention": message.n_mentions, "article": message.n_articles, "source": message.n_sources}
            seen = ", ".join(counted(number, noun) for noun, number in counts.items())
            retracted = "RETRACTED · " if message.status == "retracted" else ""
            return f"{message.event_id[:8]} {retracted}{act(message)} · {seen}"
        case Outcome():
            what = f"{message.outcome}{f' ({printable(message.reason)})' if message.reason else ''}"
            return (
                f"{message.article_id[:8]}:{message.version[:8]} {what} · {message.language or 'no language'} · "
                f"{counted(message.counts.mentions, 'mention')} · {message.topic}[{message.partition}]@{message.offset}"
            )
        case DeadLetter():
            return (
                f"{message.reason} at {message.stage} · {message.topic}[{message.partition}]@{message.offset} · "
                f"{short(message.error, 200)}"
            )
        case DeadLetterResolution():
            what = f"{message.topic}[{message.partition}]@{message.offset} {message.action.upper()}"
            return f"{what}{f' · {short(message.note)}' if message.note else ''}"
        case Story():
            return f"{message.story_id[:8]} {short(message.title)} · {message.n_articles} articles"
        case _:
            return short(message.model_dump_json())


def mention_table(title: str, mentions: Sequence[Mention]) -> Table:
    """Return the mentions of one article as a table: sentence, type, who → whom, where, when, how many, modality."""
    table = Table(
        title=Text(printable(title)), title_justify="left", box=box.SIMPLE_HEAD, show_lines=True, pad_edge=False
    )
    table.add_column("sentence", ratio=4)
    table.add_column("type", no_wrap=True)
    table.add_column("who → whom", ratio=3)
    table.add_column("where, when, how many", ratio=2)
    table.add_column("modality", ratio=1)
    for mention in mentions:
        circumstances = [place(mention.place), date(mention.date), *(quantity(q) for q in mention.quantities)]
        said_by = f"\nsays {short(mention.attribution.text, 60)}" if mention.attribution else ""
        table.add_row(
            _evidence(mention),
            Text(f"{mention.type}\n{mention.mode or ''}".rstrip()),
            Text(f"{parties(mention.actors)}\n→ {parties(mention.targets)}"),
            Text("\n".join(part for part in circumstances if part)),
            Text(f"{modality(mention)}\n{mention.confidence:.2f}{said_by}"),
        )
    return table


def _evidence(mention: Mention) -> Text:
    """Return the sentence with its trigger in bold."""
    sentence = mention.evidence.text
    start = max(0, mention.trigger.start - mention.evidence.start)
    end = max(start, mention.trigger.end - mention.evidence.start)
    # Each part on its own: making a text printable changes its length.
    parts = [printable(part) for part in (sentence[:start], sentence[start:end], sentence[end:])]
    before, after = sentence[start - 1 : start].isspace(), sentence[end : end + 1].isspace()
    return Text.assemble(
        parts[0] + (" " if before and parts[0] else ""),
        (parts[1], "bold"),
        (" " if after and parts[2] else "") + parts[2],
    )
