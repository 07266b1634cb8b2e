"""Looks whether the topics are there before a worker starts. Creates none: `depeche` does.

Faust would create a missing input itself, without its cleanup policy and sizes; and a table whose input has another
partition count than its changelog would fail at the first write.
"""

from __future__ import annotations

from collections.abc import Sequence

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from schemas.access import KafkaAccess


class TopicsUnfitError(Exception):
    """The topics can't be worked on. The message names them and the reason."""


def check_topics(access: KafkaAccess, names: Sequence[str], *, partitions: int) -> None:
    """Return if all topics exist with this partition count.

    Raises:
        TopicsUnfitError: one does not, or the broker does not answer.
    """
    try:
        admin = KafkaAdminClient(**access.client_options(), client_id="depeche-worker")
        try:
            described = admin.describe_topics(list(names))
        finally:
            admin.close()
    except (KafkaError, OSError, ValueError) as exc:
        msg = f"the topics can't be read at {access.bootstrap}: {type(exc).__name__}: {exc}"
        raise TopicsUnfitError(msg) from exc
    counts = {topic["name"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}
    missing = [name for name in names if name not in counts]
    if missing:
        msg = f"topics are missing at {access.bootstrap}: {', '.join(missing)}"
        raise TopicsUnfitError(msg)
    wrong = [f"{name} has {counts[name]}" for name in names if counts[name] != partitions]
    if wrong:
        msg = f"all topics must have {partitions} partitions, as configured: {', '.join(wrong)}"
        raise TopicsUnfitError(msg)
