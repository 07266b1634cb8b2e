"""The XML parser for documents of strangers: it fetches nothing, resolves no entity, and keeps libxml2's bounds.

Does not judge what a document declares (a document type, entities) or how deep it nests: each format has its rule.
"""

from __future__ import annotations

from lxml import etree


def xml_parser(encoding: str | None = None, *, recover: bool = False) -> etree.XMLParser:
    """Return a new parser; comments and processing instructions are left out of its trees.

    Args:
        encoding: what the bytes are in, against what they declare; None takes their word.
        recover: read on after errors.

    Raises:
        LookupError: the encoding is unknown.
    """
    return etree.XMLParser(
        encoding=encoding,
        recover=recover,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
