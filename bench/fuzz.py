"""Mutate news of our own and code it until the time is up: whatever breaks is told with the text that breaks it.

usage: python -m bench.fuzz [--seconds N] [--seed S] [--keep FOLDER]

Sentences are spliced, cut, doubled, glued, shouted, stripped of accents, mis-decoded, half repaired and salted with
characters that no newspaper prints, in French and English. Of each text it is checked that

* coding raises nothing;
* every span of every mention is a slice of the text, the trigger within its evidence;
* coding it again gives the same ids;
* coding it together with other articles, in any place among them, gives the same mentions.

Prints what was done and each failure; ends with status 1 if there was one. The same seed makes the same texts in the
same order; how many are reached depends on the machine. Measures nothing and needs no network.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from schemas.article import Article, Identity, Provenance, Published, Source, make_article
from schemas.base import clean_text
from streams.coding.coder import Coder, Coding, load_coder

Mutation = Callable[[str, random.Random], str]

_PUBLISHED: Final = datetime(2024, 3, 14, 9, 0, tzinfo=UTC)
_MOST_MUTATIONS: Final = 6
_LONGEST: Final = 6_000
#: How many articles are coded together at a time.
_TOGETHER: Final = 4

#: News of our own, by language: made up, with what news is made of.
NEWS: Final[dict[str, tuple[str, ...]]] = {
    "fr": (
        "La police kényane a dispersé mardi à Nairobi des centaines de manifestants hostiles au gouvernement.",
        "Trois personnes ont été tuées par balle et une vingtaine blessées, selon une source hospitalière.",
        "« Nous ne céderons pas », a déclaré le ministre de l'Intérieur, qui accuse Moscou d'ingérence.",
        "Paris et Berlin ont imposé le 12 mars des sanctions contre huit dirigeants biélorusses.",
        "Son homologue turc l'a rencontré à Ankara ; les deux pays ont signé un accord de 1,5 milliard d'euros.",
        "L'armée aurait bombardé un marché près de Goma, dans la nuit de samedi à dimanche.",
        "Si les rebelles n'acceptent pas le cessez-le-feu, Washington menace de retirer ses 2 000 soldats du pays.",
        "Le président n'a pas démissionné. Il a promis d'envoyer de l'aide aux sinistrés du nord de la capitale.",
        "BAMAKO (AFP) - Des hommes armés ont enlevé M. Traoré, maire de Ségou, et trois de ses gardes.",
        "Les frappes israéliennes sur Gaza, condamnées par l'ONU, ont repris après l'échec des négociations.",
        "Lire aussi : À Dakar, l'opposition appelle à la grève générale - Le gouvernement interdit la marche",
        "L'ex-chef d'état-major, celui-ci étant en fuite, a été condamné par contumace à vingt ans de prison.",
    ),
    "en": (
        "Police arrested more than thirty protesters in Nairobi on Tuesday, witnesses said.",
        "Rebels attacked an army base near Goma overnight, killing nine soldiers and wounding a dozen.",
        "“We will not give in,” the interior minister said, accusing Moscow of meddling.",
        "France and Germany imposed sanctions on eight Belarusian officials on 12 March.",
        "He met his Turkish counterpart in Ankara; the two countries signed a $1.5bn deal.",
        "If the rebels don't accept the ceasefire, Washington threatens to withdraw its 2,000 troops.",
        "The president denied that the army had shelled a market in the capital.",
        "KABUL (Reuters) - Gunmen abducted Mr. Khan, the mayor of Herat, and three of his guards.",
        "Aid has not reached Gaza since talks between the U.S. and Iran broke down last month.",
    ),
}

_SALT: Final = (
    "\ud800", "\udfff", "\x00", "\x07", "\x1b[0m", "\u202e", "\u2066", "\u200b", "\u200d", "\u00ad", "\ufeff", "\ufffd",
    "\u0301", "\u0301" * 30, "İ", "ß", "ﬁ", "\u2028", "\u2029", "\r", "\x85", "\u00a0", "\u3000", "\t", "«", "»", "“",
    "”", '"', "'", "’", "(", ")", "[", "((((", "…", "...", "—", "- ", "•", ";", "M.", "1.2.3", "12 000", "٣", "²", "Ⅷ",
    "中国", "Москва", "القاهرة", "\U0001f468\u200d\U0001f469", "\n\n", "\n", "</p>", "&nbsp;", "&#233;",
)  # fmt: skip


def _points(text: str, rng: random.Random, count: int) -> list[int]:
    return sorted(rng.randrange(len(text) + 1) for _ in range(count))


def splice(text: str, rng: random.Random) -> str:
    """Put a stretch of the text where another was."""
    a, b, c, d = _points(text, rng, 4)
    return text[:a] + text[c:d] + text[b:]


def delete(text: str, rng: random.Random) -> str:
    """Cut a stretch of up to forty characters out."""
    at = rng.randrange(len(text) + 1)
    return text[:at] + text[at + rng.randrange(1, 41) :]


def truncate(text: str, rng: random.Random) -> str:
    """Keep what stands before an offset, or after it."""
    at = rng.randrange(len(text) + 1)
    return text[:at] if rng.random() < 0.5 else text[at:]


def double(text: str, rng: random.Random) -> str:
    """Tell a stretch several times."""
    a, b = _points(text, rng, 2)
    return text[:a] + text[a:b] * rng.randrange(2, 9) + text[b:]


def shuffle_words(text: str, rng: random.Random) -> str:
    """Put the words of a stretch in another order."""
    words = text.split(" ")
    a, b = _points(" " * len(words), rng, 2)
    middle = words[a:b]
    rng.shuffle(middle)
    return " ".join([*words[:a], *middle, *words[b:]])


def change_case(text: str, rng: random.Random) -> str:
    """Write a stretch in capitals, in small letters, with initial capitals or turned about."""
    a, b = _points(text, rng, 2)
    change = rng.choice((str.upper, str.lower, str.title, str.swapcase))
    return text[:a] + change(text[a:b]) + text[b:]


def strip_accents(text: str, _rng: random.Random) -> str:
    """Lose all accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def decompose(text: str, rng: random.Random) -> str:
    """Write accents as characters of their own, or the other way about."""
    return unicodedata.normalize(rng.choice(("NFD", "NFKD", "NFC", "NFKC")), text)


def mojibake(text: str, rng: random.Random) -> str:
    """Read UTF-8 as if it were a Windows or Latin encoding, or the other way about; what can't be is replaced."""
    wrong = rng.choice(("cp1252", "latin-1", "mac_roman", "cp850"))
    if rng.random() < 0.5:
        return text.encode("utf-8", "replace").decode(wrong, "replace")
    return text.encode(wrong, "replace").decode("utf-8", "replace")


def repaired_mojibake(text: str, rng: random.Random) -> str:
    """Read a text wrongly twice, as a repair of what needed none does."""
    return mojibake(mojibake(text, rng), rng)


def glue(text: str, rng: random.Random) -> str:
    """Lose the spaces after full stops, or at places drawn at random."""
    if rng.random() < 0.5:
        return text.replace(". ", ".").replace(" »", "»").replace("; ", ";")
    return "".join(c for c in text if c != " " or rng.random() < 0.8)


def wrap(text: str, rng: random.Random) -> str:
    """Break lines at spaces drawn at random."""
    end = rng.choice(("\n", "\r\n", "\n\n", "\u2028", "-\n"))
    return "".join(end if c == " " and rng.random() < 0.15 else c for c in text)


def salt(text: str, rng: random.Random) -> str:
    """Scatter characters that no newspaper prints."""
    pieces: list[str] = []
    last = 0
    for at in _points(text, rng, rng.randrange(1, 13)):
        pieces += (text[last:at], rng.choice(_SALT) * rng.choice((1, 1, 1, 2, 20)))
        last = at
    return "".join(pieces) + text[last:]


def flip(text: str, rng: random.Random) -> str:
    """Replace characters by any of Unicode's."""
    letters = list(text)
    for _ in range(min(len(letters), rng.randrange(1, 10))):
        letters[rng.randrange(len(letters))] = chr(rng.randrange(0x110000))
    return "".join(letters)


def quote(text: str, rng: random.Random) -> str:
    """Put stretches in quotation marks or brackets, which need not close."""
    a, b = _points(text, rng, 2)
    opening, closing = rng.choice((("« ", " »"), ("“", "”"), ('"', '"'), ("(", ")"), ("« ", ""), ("", "”")))
    depth = rng.choice((1, 1, 2, 30))
    return text[:a] + opening * depth + text[a:b] + closing * depth + text[b:]


#: All mutations, by name.
MUTATIONS: Final[tuple[Mutation, ...]] = (
    splice, delete, truncate, double, shuffle_words, change_case, strip_accents, decompose, mojibake, repaired_mojibake,
    glue, wrap, salt, flip, quote,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """A text made from news, with what was done to it."""

    language: str
    text: str
    title: str
    done: tuple[str, ...]


def mutants(rng: random.Random) -> Iterator[Mutant]:
    """Yield mutated texts without end; the same generator of random numbers gives the same."""
    while True:
        language = rng.choice(sorted(NEWS))
        other = rng.choice(sorted(NEWS)) if rng.random() < 0.15 else language
        sentences = rng.choices(NEWS[language], k=rng.randrange(1, 7)) + rng.choices(NEWS[other], k=rng.randrange(3))
        text = rng.choice((" ", " ", "\n", "\n\n", "")).join(sentences)
        done = []
        for mutation in rng.choices(MUTATIONS, k=rng.randrange(_MOST_MUTATIONS + 1)):
            text = mutation(text, rng)[:_LONGEST]
            done.append(mutation.__name__)
        title = salt(rng.choice(NEWS[language]), rng) if rng.random() < 0.3 else ""
        yield Mutant(language, text, title, tuple(done))


def article_of(mutant: Mutant, guid: str) -> Article:
    """Return a mutant as an article version."""
    return make_article(
        source=Source(id="fuzz", language=mutant.language),
        connector="fuzz",
        identity=Identity(guid=guid),
        title=clean_text(mutant.title),
        text=clean_text(mutant.text),
        language=mutant.language,
        published=Published(value=_PUBLISHED, reading="fixed"),
        fetched=_PUBLISHED,
        provenance=Provenance(fetch_id="fuzz", hop="file"),
    )


def faults(article: Article, coding: Coding) -> list[str]:
    """Return what is wrong with the coding of an article by itself: spans, order, ids."""
    out: list[str] = []
    ids = Counter(m.mention_id for m in coding.mentions)
    out += [f"id {name} is borne by {times} mentions" for name, times in ids.items() if times > 1]
    for mention in coding.mentions:
        spans: list[Any] = [mention.evidence, mention.trigger, *mention.quantities, mention.date, mention.attribution]
        spans += [
            part for part in (*mention.actors, *mention.targets, mention.place) if part and part.start is not None
        ]
        for span in spans:
            if span is not None and article.text[span.start : span.end] != span.text:
                out.append(f"{type(span).__name__} {span.start}:{span.end} is not {span.text!r}")
        evidence, trigger = mention.evidence, mention.trigger
        if not evidence.start <= trigger.start < trigger.end <= evidence.end:
            out.append(f"trigger {trigger.start}:{trigger.end} outside {evidence.start}:{evidence.end}")
        if not 0 <= mention.confidence <= 1:
            out.append(f"confidence {mention.confidence}")
    return out


@dataclass(slots=True)
class Run:
    """What a run has done so far."""

    texts: int = 0
    characters: int = 0
    mentions: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    """What went wrong, and the text with which it did."""

    def told(self) -> str:
        """Return the run in lines."""
        outcomes = ", ".join(f"{name} {count}" for name, count in sorted(self.outcomes.items()))
        done = ", ".join(f"{name} {count}" for name, count in sorted(self.done.items()))
        head = f"{self.texts} texts of {self.characters:,} characters, {self.mentions} mentions ({outcomes})"
        return f"{head}\nmutations: {done}\nfailures: {len(self.failures)}"


def check_together(coder: Coder, batch: Sequence[Mutant], run: Run) -> None:
    """Code mutants one by one, again, and all together in turned order; take down what differs or fails."""
    articles = [article_of(mutant, f"{run.texts + i}") for i, mutant in enumerate(batch)]
    alone: dict[str, Coding] = {}
    for mutant, article in zip(batch, articles, strict=True):
        run.texts += 1
        run.characters += len(article.text)
        run.done.update(mutant.done)
        try:
            [coding], [again] = coder.code([article]), coder.code([article])
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            run.failures.append((traceback.format_exc(), mutant.text))
            continue
        alone[article.article_id] = coding
        run.outcomes[coding.outcome] += 1
        run.mentions += len(coding.mentions)
        wrong = faults(article, coding)
        if [m.mention_id for m in coding.mentions] != [m.mention_id for m in again.mentions]:
            wrong.append("coded twice, it has other ids")
        run.failures += [(fault, mutant.text) for fault in wrong]
    whole = {article.article_id: article for article in reversed(articles) if article.article_id in alone}
    for coding in coder.code(list(whole.values())):
        if coding != alone[coding.article_id]:
            run.failures.append(("coded with other articles, its mentions differ", whole[coding.article_id].text))


def fuzz(coder: Coder, rng: random.Random, *, until: Callable[[Run], bool]) -> Run:
    """Code mutants until told to stop, and return what was done."""
    run = Run()
    source = mutants(rng)
    while not until(run):
        check_together(coder, [next(source) for _ in range(_TOGETHER)], run)
    return run


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz for a while; return 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to go on (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: 1)")
    parser.add_argument("--keep", type=Path, help="folder for the texts that fail, one file each")
    given = parser.parse_args(arguments)
    coder = load_coder()
    coder.warm_up()
    end = time.monotonic() + given.seconds
    run = fuzz(coder, random.Random(given.seed), until=lambda _: time.monotonic() >= end)
    print(f"seed {given.seed}, {given.seconds:g} seconds: {run.told()}")
    for number, (fault, text) in enumerate(run.failures):
        print(f"\n{number}: {fault.strip()}\n   text: {text!r}")
        if given.keep is not None:
            given.keep.mkdir(parents=True, exist_ok=True)
            (given.keep / f"{given.seed}-{number}.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
