"""A coder that takes 20 ms of processor time for an article, and says what the coder of the streams' tests says.

With it, what a run takes beyond the direct call is the engine's: the coder's own speed does not matter.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from schemas.article import Article
from streams.coding_job import CodingLike, LoadedCoder
from tests.streams import fake_coder

CPU_SECONDS: Final = 0.02


def load() -> LoadedCoder:
    """Return the coder."""
    return LoadedCoder(version="costly-1", code=code)


def code(articles: Sequence[Article]) -> Sequence[CodingLike]:
    """Code articles."""
    return [_code_one(article) for article in articles]


def _code_one(article: Article) -> CodingLike:
    end = time.process_time() + CPU_SECONDS
    while time.process_time() < end:
        pass
    return fake_coder.code_one(article)
