"""Links made comparable: tracking parameters off, and a second key that survives a move of host or scheme.

Does not fetch, follow redirects or resolve short links.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import idna

from connectors.entry import MAX_LINE_LENGTH
from schemas.base import clean_text

_TRACKING: Final = re.compile(
    r"(?:utm_|mtm_|pk_|matomo_|hsa_|guce_referrer)\w*"
    # comScore and Piano (AT Internet): by name, as another site's ns_id or at_id may name an article
    r"|ns_(?:mchannel|source|campaign|linkname|fee)"
    r"|at_(?:medium|campaign|campaign_type|campaign_group|custom\d|channel|creation|variant|format|term|network|link"
    r"|link_id|link_type|link_origin|ptr_name|bbc_team|general_placement|detail_placement|send_date|recipient_id"
    r"|recipient_list|platform|type)"
    r"|fbclid|gclid|dclid|gclsrc|gad_source|gbraid|wbraid|srsltid|msclkid|yclid|twclid|igshid|mibextid|mc_cid|mc_eid"
    r"|mkt_tok|vero_id|s_cid|guccounter|_ga|_gl|xtor|xtref|cmpid|_hsenc|_hsmi|oly_anon_id|oly_enc_id|wt\.mc_id|ftcamp"
    r"|ocid|traffic_source|cmp|maca|smid|smtyp|taid|srnd|phpsessid|jsessionid",
    re.IGNORECASE,
)
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/?#\s\"'<>]*@")
_SECRET_PARAMETER: Final = re.compile(
    r"([?&;](?:[\w.%-]*[_.-])?(?:token|secret|password|passwd|passcode|pwd|pass|signature|sig|credentials?|api-?key|key"
    r"|auth|authtoken|authkey|accesskey|authorization|jwt|session|sessionid|sid)=)[^&#\s\"'<>]+",
    re.IGNORECASE,
)
MASK: Final = "********"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def absolute_url(link: str | None, *, base: str | None = None) -> str | None:
    """Return a link as an absolute http(s) URL, or None where it is none.

    White space around it goes; an international host name is written as DNS has it (IDNA 2008, UTS 46), other
    characters that no URL may hold are percent-encoded.
    """
    if not link:
        return None
    link = "".join(c for c in clean_text(link).strip() if c not in "\r\n\t\x00")
    try:
        joined = urljoin(base, link) if base else link
        parts = urlsplit(joined)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host or len(joined) > MAX_LINE_LENGTH:
        return None
    if not host.isascii():
        try:
            named = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return None
        port = parts.netloc.rpartition("@")[2].partition(":")[2]
        joined = urlunsplit(parts._replace(netloc=f"{named}:{port}" if port else named))
    return quote(joined, safe=":/?#[]@!$&'()*+,;=%~-._")


def canonical_url(link: str | None) -> str | None:
    """Return the link that identifies a page: scheme and host in lower case, no default port, no fragment.

    Parameters that only say where the reader came from (utm_, mtm_, fbclid, xtor …) go; all others stay, in
    their order. None where the link is no http(s) URL.
    """
    url = absolute_url(link)
    if url is None:
        return None
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{port}"
    query = "&".join(p for p in parts.query.split("&") if p and not _TRACKING.fullmatch(p.split("=", 1)[0]))
    return urlunsplit((parts.scheme, host, parts.path or "/", query, ""))


def moved_key(key: str | None) -> str | None:
    """Return a link without scheme and host: what stays when a site moves from http to https or to another host.

    None where the link says too little to be told from others once its host is gone (a bare `/`, `/news`).
    """
    url = canonical_url(key)
    if url is None:
        return None
    parts = urlsplit(url)
    rest = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    return rest if len(rest) >= 8 else None


def masked(text: str) -> str:
    """Return a text as logs and topics may hold it: no name and password in its URLs, no values that look secret.

    What looks so are query parameters called token, key, auth, signature and the like: feeds for subscribers have them.
    A secret in a path can't be told from a path.
    """
    return _SECRET_PARAMETER.sub(rf"\g<1>{MASK}", _CREDENTIALS.sub(f"{MASK}@", text))


def names_user(url: str) -> bool:
    """Say whether a URL holds a name or a password: no feed is taken so, as it could be kept from no log."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return _CREDENTIALS.search(url) is not None
    return "@" in parts.netloc
