"""What codes today, in a word. Loads no model."""

from __future__ import annotations

from streams.coding.coder import CODER_VERSION
from streams.coding.data_files import all_files, content_hash


def todays_coder() -> str:
    """Return the coder's version and the beginning of its data files' hash: `0.4.0-a8ebcac9`.

    Both change what it says. Made of what Kafka takes in a topic's name.
    """
    return f"{CODER_VERSION}-{content_hash(all_files())[:8]}"
