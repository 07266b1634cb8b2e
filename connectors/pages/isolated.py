"""What the isolated processes are told to call. Light to import, as its caller imports it too.

Only those processes need trafilatura, which is 21 MB and a sixth of a second to import.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.pages.reading import PageReading


def read_in_isolation(body: bytes, url: str, content_type: str | None, headers: Mapping[str, str]) -> PageReading:
    """Read a page, in the process that this is called in; see `connectors.pages.extraction.read_page`."""
    from connectors.pages.extraction import read_page  # noqa: PLC0415 - as the module says

    return read_page(body, url=url, content_type=content_type, headers=headers)
