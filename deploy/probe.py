"""Asks health endpoints and ends with 0 where one answers 200: the container's health check, as slim images lack curl.

Usage: ``python probe.py URL…``. Several, because one image runs several processes, each with a port of its own; a
container runs one of them. Does not retry; whoever runs it does. Needs nothing but the standard library.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from http import HTTPStatus

TIMEOUT_SECONDS = 2
"""Two of them stay below the health check's own timeout, so that the reason is still printed."""


def probe(url: str) -> str | None:
    """Return why `url` does not answer 200, or None where it does."""
    if not url.startswith("http://"):
        return f"{url} is no http:// address"
    try:
        # No proxy: the address is this container's own.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
            return None if answer.status == HTTPStatus.OK else f"{url} answered {answer.status}"
    except urllib.error.HTTPError as exc:
        return f"{url} answered {exc.code}: {exc.read(2000).decode(errors='replace').strip()}"
    except (OSError, ValueError) as exc:
        return f"{url} did not answer: {exc}"


def main(arguments: list[str]) -> int:
    """Run the check; print the reasons of a failure, which the container engine keeps with the container's state."""
    if not arguments:
        sys.stderr.write("usage: probe.py URL…\n")
        return 2
    reasons = []
    for url in arguments:
        reason = probe(url)
        if reason is None:
            return 0
        reasons.append(reason)
    sys.stderr.write("\n".join(reasons) + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
