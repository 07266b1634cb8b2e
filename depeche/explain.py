"""An explanation of a coding, for people at a terminal: each sentence, its parse, what could be an act, and why.

Prints through the console it is given, which decides on width and colour. What it prints is found by
`streams.coding.explanation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree as Branch

from depeche.present import date, modality, parties, party, place, printable, quantity
from depeche.printing import print_trimmed
from schemas.mention import Mention
from streams.coding.explained import Candidate, Explanation, RoleFound, SentenceRead, Verdict
from streams.coding.tree import Node, Tree

TOLD: Final[dict[Verdict, str]] = {
    "coded": "coded",
    "doubtful": "too doubtful",
    "mishap": "no attack",
    "repeated": "repetition",
    "untold": "not told as an act",
    "merged": "merged",
    "contained": "in a longer expression",
    "unrecognised": "no act by the model",
    "outranked": "another reading first",
    "constraint": "constraint failed",
    "construction": "other construction",
}
"""What became of a candidate, in words."""

_NEAREST = 3
"""How many of the patterns that a sentence nearly holds are shown."""

_DEEPEST = 10
"""Phrases hanging deeper in a parse are shown at this depth: a terminal has room for no more."""

_WITH_HEAD: Final = frozenset(
    ["det", "case", "aux", "cop", "mark", "cc", "expl", "nummod", "amod", "advmod", "flat", "fixed", "compound", "neg"]
)
"""Relations, subtypes included, of words that are shown beside their head where nothing hangs on them."""

_STYLES: Final[dict[Verdict, str]] = {"coded": "green", "doubtful": "yellow"}


def print_explanation(console: Console, title: str, outcome: str, explanation: Explanation) -> None:
    """Print why an article was coded as it was.

    Args:
        console: where to.
        title: how the user knows the article.
        outcome: what became of it, in words.
        explanation: the explanation.
    """
    print_trimmed(console, [Text.assemble((printable(title), "bold"), f" · {outcome}\n")])
    for sentence in explanation.sentences:
        print_trimmed(console, _sentence(sentence))


def _sentence(read: SentenceRead) -> Iterator[RenderableType]:
    number = f"[{read.sentence.index}]"
    grid = Table.grid(padding=(0, 1))
    grid.add_row(Text(number, "bold cyan"), Text(printable(read.text), "bold"))
    yield grid
    yield _indented(Text(_how_read(read), "dim"))
    if read.read == "for acts":
        yield from (_indented(parse_tree(tree)) for tree in read.trees)
    shown = ""
    for candidate in read.candidates:
        yield _indented(_heading(candidate))
        roles = _roles(candidate)
        yield _indented(_details(candidate, "" if roles == shown else roles), 6)
        shown = roles or shown
    yield ""


def _indented(part: RenderableType, by: int = 4) -> Padding:
    return Padding(part, (0, 0, 0, by))


def _how_read(read: SentenceRead) -> str:
    match read.read:
        case "for acts":
            return "parsed: it holds all words of a lexicon pattern"
        case "for context":
            return "parsed for context only: the next sentence refers back to it, and it holds no lexicon pattern"
        case "heading":
            return "not parsed: a heading inside the text, which the text tells again"
        case "no trigger" if not read.lacking:
            return "not parsed: no word of it is in the lexicon"
        case "no trigger":
            near = sorted(read.lacking, key=lambda one: (one.words.count(" "), one.words))[:_NEAREST]
            told = "; ".join(
                f"“{one.words}” ({one.entry.id}) lacks “{one.missing[0]}”{' or the like' if one.missing[1:] else ''}"
                for one in near
            )
            return f"not parsed: it holds no lexicon pattern whole. Begun: {told}"


def parse_tree(tree: Tree) -> RenderableType:
    """Return a parse as a tree of phrases: relation and part of speech, with short dependents beside their heads."""
    roots = [n for n in tree.nodes if n.head == n.index]
    branches = []
    for root in roots:
        branch = Branch(_phrase(tree, root), guide_style="dim", highlight=False)
        _grow(branch, tree, root, {root.index})
        branches.append(branch)
    if len(branches) == 1:
        return branches[0]
    grid = Table.grid()
    for branch in branches:
        grid.add_row(branch)
    return grid


def _grow(branch: Branch, tree: Tree, node: Node, seen: set[int]) -> None:
    pending = [(branch, node, 0)]
    while pending:
        above, head, depth = pending.pop()
        for child in tree.children(head):
            if child.index not in seen and child.pos not in {"PUNCT", "SPACE"} and not _is_short(tree, child):
                seen.add(child.index)
                below = above.add(_phrase(tree, child))
                pending.append((below if depth < _DEEPEST else above, child, depth + 1))


def _is_short(tree: Tree, node: Node) -> bool:
    bare = all(tree.nodes[i].pos in {"PUNCT", "SPACE"} for i in node.children)
    return bare and node.relation.split(":")[0] in _WITH_HEAD and not node.relation.startswith("flat:foreign")


def _phrase(tree: Tree, node: Node) -> Text:
    words = sorted([node, *(c for c in tree.children(node) if _is_short(tree, c))], key=lambda n: n.index)
    told = Text(f"{node.relation} ", "magenta")
    for word in words:
        told.append(f"{printable(word.text)} ", "bold" if word is node else "")
    told.append(node.pos, "dim")
    return told


def _heading(candidate: Candidate) -> Table:
    coded = candidate.verdict == "coded"
    style = _STYLES.get(candidate.verdict, "red")
    file = candidate.file.removeprefix("lexicon/")
    reason = "" if coded else f": {printable(candidate.reason)}"
    kind = candidate.mention.type if candidate.mention is not None else candidate.entry.type
    told = Text.assemble(
        (kind, f"bold {style}" if coded else style),
        f" “{printable(candidate.words)}”",
        (f" {candidate.part_of_speech}, entry {candidate.entry.id} of {file} ", "dim"),
        (TOLD[candidate.verdict], style),
        reason,
    )
    grid = Table.grid(padding=(0, 1))
    grid.add_row(Text("●" if coded else "○", style), told)
    return grid


def _details(candidate: Candidate, roles: str) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column()
    if roles:
        grid.add_row("frame", Text(roles))
    if candidate.stance is not None and candidate.mention is None:
        grid.add_row("modality", Text(f"{candidate.stance.modality}: {candidate.stance.reason}"))
    if candidate.mention is not None:
        for name, value, reason in _slots(candidate.mention):
            grid.add_row(name, Text.assemble(value, (f" · {printable(reason)}", "dim")))
    return grid


def _roles(candidate: Candidate) -> str:
    """Return what the frame found, empty where no arguments were looked for."""
    if not candidate.governor:
        return ""

    def side(name: str, found: Sequence[RoleFound]) -> str:
        told = ", ".join(f"“{printable(role.text)}” ({role.source})" for role in found)
        return f"{name} {told or 'none'}"

    sides = f"{side('actor', candidate.actors)}; {side('target', candidate.targets)}"
    return f"{candidate.entry.frame}: {sides}; under “{printable(candidate.governor)}”"


def _slots(mention: Mention) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each slot, what is in it, and why."""
    reasons = mention.reasons
    mode = f"/{mention.mode}" if mention.mode else ""
    yield "type", f"{mention.type}{mode}, CAMEO {mention.cameo}", reasons.type
    yield "actor", parties(mention.actors), reasons.actors
    yield "target", parties(mention.targets), reasons.targets
    where = mention.place
    scored = "" if where is None else f" “{printable(where.text)}” scores {where.score}"
    yield "place", place(where) + scored or "?", where.how if where is not None else reasons.place
    when = mention.date
    read = "" if when is None or when.value is None else f" “{printable(when.text)}”"
    yield "date", date(when) + read or "?", reasons.date
    yield "count", "; ".join(quantity(q) for q in mention.quantities) or "?", reasons.quantities
    yield "modality", modality(mention), reasons.modality
    source = mention.attribution
    said_by = "?" if source is None else party(source.party) if source.party is not None else printable(source.text)
    yield "said by", said_by, reasons.attribution
    yield "confidence", f"{mention.confidence}", reasons.confidence
