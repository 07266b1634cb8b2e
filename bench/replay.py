"""Measures `depeche replay` and `depeche diff`: copies a second, articles a second beside the direct call, memory.

    python -m bench.replay ARTICLES.jsonl.gz --limit 300

Starts an Apache Kafka of its own in a temporary folder. `--copies`, `--limit` or `--mentions` 0 leaves a part out.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kafka import KafkaProducer

from bench.articles import read_articles
from bench.pipeline import direct, publish
from depeche.broker import EmbeddedBroker
from depeche.replay.copying import Copier
from depeche.replay.mark import Mark
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.article import Article, Identity, make_article
from schemas.ids import event_id
from schemas.ids import mention_id as make_mention_id
from schemas.mention import CoderVersion, Evidence, Mention, Party, Reasons, Span
from schemas.outcome import Counts, Outcome, outcome_key

PARTITIONS = 4
MENTIONS_OF_AN_ARTICLE = 5
SENTENCE = "L'armée du pays voisin a repris mardi le contrôle de la ville, selon le porte-parole du ministère."
_PEAK = "peak memory in KiB: "
_COMMAND = f"""
import resource, sys
from depeche.command import app
try:
    app()
finally:
    sys.stderr.write(f"{_PEAK}{{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}}")
"""
REASON = "a rule of some length, with the words that it fired on and the reading that it preferred to two others"


def copies_a_second(access: KafkaAccess, articles: Sequence[Article], number: int) -> str:
    """Copy so many articles, as fast as it goes."""
    ensure_topics(access, prefix="many", partitions=PARTITIONS)
    ensure_topics(access, prefix="copies", partitions=PARTITIONS)
    for start in range(0, number, len(articles)):
        publish(access.bootstrap, "many", [_again(one, start) for one in articles[: number - start]])
    now = datetime.now(UTC)
    mark = Mark("many", 0, int((now + timedelta(hours=1)).timestamp() * 1000), "bench")
    started = time.monotonic()
    with Copier(access, mark, "copies", {}, compression="gzip") as copier:
        for _ in copier.steps():
            pass
        copied = copier.copied
    seconds = time.monotonic() - started
    return f"copying: {copied} articles in {seconds:.1f} s, {copied / seconds:.0f}/s"


def _again(article: Article, number: int) -> Article:
    """Return an article as if it were another."""
    return make_article(
        source=article.source,
        connector=article.connector,
        identity=Identity(guid=f"{article.identity.key}-{number}"),
        title=article.title,
        text=article.text,
        published=article.published,
        fetched=article.fetched,
        provenance=article.provenance,
    )


def replay_beside_direct(access: KafkaAccess, articles: Sequence[Article], folder: Path) -> Iterator[str]:
    """Code articles directly, then replay them with one worker of one process; the command is the real one."""
    seconds, _ = direct(articles, 1)
    yield f"direct: {len(articles)} articles in {seconds:.1f} s, {len(articles) / seconds:.1f}/s (models loaded before)"
    ensure_topics(access, prefix="few", partitions=PARTITIONS)
    publish(access.bootstrap, "few", articles)
    started = time.monotonic()
    command = ["replay", "--from", "1d", "--into", "again", "--workers", "1", "--nice", "0", "--prefix", "few"]
    done = _depeche(access, folder, *command)
    seconds = time.monotonic() - started
    yield f"replay: {len(articles)} articles in {seconds:.1f} s from start to end, {len(articles) / seconds:.1f}/s"
    first, last = re.search(r"coder \S+ is loaded", done.stderr), done.stdout.splitlines()
    yield f"replay said: {last[-3]}" if first else done.stderr[-500:]


def diff_of_many(access: KafkaAccess, number: int, folder: Path) -> str:
    """Compare two codings of so many mentions, one of ten of which differs."""
    for prefix in ("left", "right"):
        ensure_topics(access, prefix=prefix, partitions=PARTITIONS)
        producer: Any = KafkaProducer(**access.client_options(), acks="all", linger_ms=20, batch_size=256 * 1024)
        for article in range(number // MENTIONS_OF_AN_ARTICLE):
            mentions = [_mention(article, at, prefix) for at in range(MENTIONS_OF_AN_ARTICLE)]
            outcome = _outcome(article, mentions)
            key = outcome_key(outcome.article_id, outcome.version).encode()
            producer.send(f"{prefix}.outcomes", key=key, value=outcome.to_bytes())
            for one in mentions:
                producer.send(f"{prefix}.mentions", key=one.event_id.encode(), value=one.to_bytes())
            if article % 1000 == 0:
                producer.flush()
        producer.flush()
        producer.close()
    size = len(_mention(0, 0, "left").to_bytes())
    started = time.monotonic()
    done = _depeche(access, folder, "diff", "left", "right", "--examples", "0", codes=(1,))
    seconds = time.monotonic() - started
    memory = int(done.stderr.rpartition(_PEAK)[2]) // 1024
    found = " ".join(line.strip() for line in done.stdout.splitlines() if line.startswith(("mentions", "  changed ")))
    return f"diff: 2 × {number} mentions of {size} bytes in {seconds:.1f} s, {memory} MiB at its peak; {found}"


def _mention(article: int, at: int, prefix: str) -> Mention:
    ident, start = f"{article:032x}", at * 200
    actor = Party(text="armée", start=start, end=start + 5, name="Army", country="FRA", sector="MIL", how=REASON)
    target = Party(text="ville", name="Town", country="MLI", how=REASON)
    event = event_id(plover="ASSAULT", actors=["FRA"], targets=["MLI"], place=None, day=None, article=f"{ident}{at}")
    return Mention(
        mention_id=make_mention_id(
            ident,
            "0" * 16,
            start=start,
            end=start + len(SENTENCE),
            trigger_start=start,
            plover="ASSAULT",
            actors=["FRA"],
            targets=["MLI"],
        ),
        event_id=event,
        article_id=ident,
        article_version="0" * 16,
        source_id="bench",
        language="fr",
        published=None,
        fetched=datetime(2026, 1, 1, tzinfo=UTC),
        evidence=Evidence(text=SENTENCE, start=start, end=start + len(SENTENCE), sentence=at),
        trigger=Span(text=SENTENCE[:7], start=start, end=start + 7),
        type="ASSAULT",
        quad_class="material_conflict",
        plover_score=-9.0,
        actors=(actor,),
        targets=(target,),
        modality="denied" if prefix == "right" and article % 10 == 0 else "asserted",
        confidence=0.5,
        reasons=Reasons(**dict.fromkeys(Reasons.model_fields, REASON)),
        coder=CoderVersion(name="bench", version=prefix, lexicon="0" * 16, model="none"),
    )


def _outcome(article: int, mentions: Sequence[Mention]) -> Outcome:
    return Outcome(
        article_id=f"{article:032x}",
        version="0" * 16,
        outcome="coded",
        counts=Counts(mentions=len(mentions)),
        event_ids=tuple(sorted({one.event_id for one in mentions})),
        source_id="bench",
        status="usable",
        fetched=datetime(2026, 1, 1, tzinfo=UTC),
        coder_version="1",
        topic="articles",
        partition=0,
        offset=article,
    )


def _depeche(
    access: KafkaAccess, folder: Path, *arguments: str, codes: Sequence[int] = (0,)
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, *arguments, "--bootstrap", access.bootstrap, "--data", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DEPECHE_POOL_PROCESSES": "1"},
    )
    if done.returncode not in codes:
        raise RuntimeError(done.stderr)
    return done


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path)
    parser.add_argument("--limit", type=int, default=300, help="articles that are coded")
    parser.add_argument("--copies", type=int, default=20_000, help="articles that are copied")
    parser.add_argument("--mentions", type=int, default=100_000, help="mentions that are compared")
    given = parser.parse_args()
    articles = list(read_articles(given.articles, max(given.limit, 500)))
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder) / "broker") as broker:
        access = KafkaAccess(broker.address)
        if given.mentions:
            sys.stdout.write(f"{diff_of_many(access, given.mentions, Path(folder))}\n")
        if given.copies:
            sys.stdout.write(f"{copies_a_second(access, articles, given.copies)}\n")
        if given.limit:
            for line in replay_beside_direct(access, articles[: given.limit], Path(folder)):
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
