"""What the articles of a chaos run say: sentences of our own, with acts that many articles tell. Pure.

An article's text depends on its guid and the number of its wording alone. A later wording takes an act back and tells
another, so that something is to be withdrawn.
"""

from __future__ import annotations

import random
from typing import Final

_ACTS: Final = 400
"""Different acts; the first are told far more often than the last."""
_TYPES: Final = ("ASSAULT", "AID", "CONSULT", "SANCTION", "PROTEST")
_COUNTRIES: Final = ("FRA", "MLI", "NER", "USA", "RUS", "UKR", "DEU", "SEN", "BEL", "MAR")
_FRENCH: Final = (
    "L'armée française a bombardé des positions rebelles près de Gao le {day} mars 2026.",
    "Le {day} mars 2026, le président sénégalais a rencontré le Premier ministre belge à Bruxelles.",
    "Des milliers de manifestants ont défilé à Rabat le {day} mars 2026 contre la hausse des prix.",
    "L'Allemagne a livré des vivres au Niger le {day} mars 2026.",
    "La police russe a arrêté douze opposants à Moscou le {day} mars 2026.",
    "Les États-Unis ont imposé de nouvelles sanctions à la Russie le {day} mars 2026.",
    "Des hommes armés ont attaqué un village du Niger le {day} mars 2026, faisant huit morts.",
    "L'Ukraine et la Belgique ont signé un accord de coopération à Kiev le {day} mars 2026.",
)
_ENGLISH: Final = (
    "French troops attacked rebel positions near Gao on {day} March 2026.",
    "The German chancellor met the Ukrainian president in Berlin on {day} March 2026.",
    "Police arrested forty protesters in Dakar on {day} March 2026.",
    "Morocco sent medical aid to Mali on {day} March 2026.",
)
_BETWEEN: Final = (
    "La journée a été longue, et les témoins ne s'accordent pas sur tout.",
    "Plusieurs habitants disent avoir entendu parler de la nouvelle à la radio, tard dans la soirée.",
    "Les prix du marché n'ont guère changé depuis la semaine dernière, selon les commerçants de la place.",
    "La météo annonce de la pluie sur le nord du pays, et du vent sur les côtes.",
)
_BETWEEN_ENGLISH: Final = (
    "It had been a long day, and witnesses disagree on much of it.",
    "Prices at the market have hardly moved since last week, traders said.",
    "Rain is forecast for the north of the country, and wind along the coast.",
)


def marked_wording(guid: str, number: int) -> str:
    """Return a text for the coder of the streams' tests: lines that name acts, and one that is the article's own."""
    acts = [f"EVENT {_act(act)}" for act in _acts(guid, number)]
    return "\n".join([f"Le texte de {guid}, version {number}.", *acts, "La suite du texte. " * 20]).strip()


def written_wording(guid: str, number: int) -> str:
    """Return a text for the coder itself: French for three in four, else English."""
    chance = random.Random(f"{guid} in words")
    english = chance.random() < 0.25
    told, between = (_ENGLISH, _BETWEEN_ENGLISH) if english else (_FRENCH, _BETWEEN)
    opening = f"Report {guid}, number {number}." if english else f"Dépêche {guid}, numéro {number}."
    lines = [opening]
    for act in _acts(guid, number):
        lines += [told[act % len(told)].format(day=1 + act // len(told) % 28), chance.choice(between)]
    lines += [chance.choice(between) for _ in range(3)]
    return "\n".join(lines)


def _acts(guid: str, number: int) -> list[int]:
    chance = random.Random(f"{guid} acts")
    acts = [int(_ACTS * chance.random() ** 2) for _ in range(chance.randint(0, 3))]
    if number:
        acts = [*acts[1:], int(_ACTS * random.Random(f"{guid} acts {number}").random() ** 2)]
    return acts


def _act(act: int) -> str:
    chance = random.Random(f"act {act}")
    actor, target = chance.sample(_COUNTRIES, 2)
    return f"{chance.choice(_TYPES)} {actor}>{target} 2026-03-{1 + act % 28:02}"
