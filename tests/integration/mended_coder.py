"""The coder of the streams' tests after a fix: what it raised on, it now codes. For tests of what a replay does."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.article import Article
from streams.coding_job import LoadedCoder
from tests.streams import fake_coder

VERSION = "fake-2"


def load() -> LoadedCoder:
    return LoadedCoder(version=VERSION, code=code)


def code(articles: Sequence[Article]) -> list[fake_coder.FakeCoding]:
    return fake_coder.code([one.model_copy(update={"text": one.text.replace("RAISE", "MENDED")}) for one in articles])
