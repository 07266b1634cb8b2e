"""English agency news of our own making: each sentence with the act that a careful reader finds in it, or with none.

The sentences are invented; countries and offices are real so that the tables are tested too. A party is named by its
country (alpha-3) or its organisation, a place by its country (alpha-2).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import pytest

from schemas.mention import Mention
from streams.coding.coder import Coder, load_coder
from tests.coding.articles import article


class News(NamedTuple):
    """A sentence and its act."""

    text: str
    type: str
    actors: str = ""
    """Codes with spaces between them; empty: not asked."""
    targets: str = ""
    place: str | None = None
    """Country of the place; None: not asked."""
    modality: str = "asserted"


_NEWS = [
    # Violence
    News(
        "The Sudanese army bombed a market in El Fasher on Monday, killing at least 40 people, local activists said.",
        "ASSAULT",
        "SDN",
        place="SD",
    ),
    News("Syrian rebels shelled government positions near Hama on Sunday.", "ASSAULT", "SYR", "SYR", "SY"),
    News(
        "Three Palestinian teenagers were shot dead by Israeli soldiers in Jenin, medics said.",
        "ASSAULT",
        "ISR",
        "PSE",
        "PS",
    ),
    News(
        "Gunmen abducted more than 100 schoolchildren in northwestern Nigeria, residents said.",
        "ASSAULT",
        targets="NGA",
        place="NG",
    ),
    News("A suicide bomber blew himself up outside a mosque in Peshawar.", "ASSAULT", place="PK"),
    News("Riot police fired tear gas to disperse demonstrators in Nairobi.", "ASSAULT", "KEN", "KEN", "KE"),
    News("Police clashed with demonstrators in Jakarta on Thursday.", "ASSAULT", "IDN", "IDN", "ID"),
    News(
        "Two soldiers were killed in an ambush by suspected Islamist militants in northern Benin.",
        "ASSAULT",
        targets="BEN",
        place="BJ",
    ),
    News("Rebels reportedly seized the airport of Goma.", "ASSAULT", place="CD", modality="reported"),
    News(
        "If Russia attacks Poland, NATO will respond, the general said.", "ASSAULT", "RUS", "POL", None, "hypothetical"
    ),
    News("Ukraine may have attacked a Russian warship.", "ASSAULT", "UKR", "RUS", None, "hypothetical"),
    News("Could China invade Taiwan?", "ASSAULT", "CHN", "TWN", None, "hypothetical"),
    # Repression
    News("Turkish police detained 23 opposition politicians in Istanbul on Tuesday.", "COERCE", "TUR", "TUR", "TR"),
    News("A court in Minsk jailed a Polish journalist for eight years.", "COERCE", "BLR", "POL", "BY"),
    News("The military government in Mali suspended all political parties.", "COERCE", "MLI", "MLI", "ML"),
    News("Hong Kong banned the annual Tiananmen vigil.", "COERCE", "HKG", place="HK"),
    News("Police in Belarus raided the offices of a human rights group in Minsk.", "COERCE", "BLR", "BLR", "BY"),
    News("Kosovo police closed six Serbian banks in northern Mitrovica.", "COERCE", "XKX", "SRB", "XK"),
    News("The Taliban barred women from universities in Afghanistan.", "COERCE", place="AF"),
    # Forces
    News("NATO deployed additional troops to Romania.", "MOBILIZE", "NAT", place="RO"),
    News("Wagner mercenaries arrived in Bamako in December 2021.", "MOBILIZE", place="ML"),
    News(
        "Japan and the Philippines will hold joint naval exercises in April.", "MOBILIZE", "JPN PHL", modality="planned"
    ),
    News("Poland will not send troops to Ukraine.", "MOBILIZE", "POL", modality="denied"),
    # Protest
    News("Thousands of protesters marched through Tbilisi on Saturday.", "PROTEST", "GEO", place="GE"),
    News("Train drivers in Germany began a five-day strike on Wednesday.", "PROTEST", "DEU", place="DE"),
    News("Unions in Argentina called a general strike against the reforms.", "PROTEST", "ARG", place="AR"),
    News("Opposition supporters burned tyres and blocked roads in Maputo.", "PROTEST", "MOZ", place="MZ"),
    # Sanctions
    News("The European Union imposed sanctions on six Russian officials.", "SANCTION", "EUR", "RUS"),
    News("Russia expelled two British diplomats.", "SANCTION", "RUS"),
    News("Peru recalled its ambassador from Mexico City.", "SANCTION", "PER"),
    News("The US Treasury froze the assets of two Serbian businessmen.", "SANCTION", "USA"),
    News("Lawmakers in Seoul impeached President Yoon Suk Yeol.", "SANCTION", "KOR", "KOR", "KR"),
    News("Azerbaijan closed its embassy in Tehran.", "SANCTION", "AZE", place="IR"),
    # Words against
    News("Ethiopia accused Egypt of arming militias in Somalia.", "ACCUSE", "ETH", "EGY"),
    News("Philippine coastguards accused Chinese vessels of firing water cannon.", "ACCUSE", "PHL", "CHN"),
    News("The Organization of American States condemned the violence in Haiti.", "ACCUSE", "OAS", "HTI", "HT"),
    News("South Africa filed a case against Israel at the International Court of Justice.", "ACCUSE", "ZAF", "ISR"),
    News("New Delhi summoned the Canadian ambassador on Thursday.", "ACCUSE", "IND", "CAN"),
    News("The European Commission opened an investigation into the Hungarian law.", "ACCUSE", "EUR", "HUN"),
    News("Hungary blocked a European Union statement on Ukraine.", "REJECT", "HUN", "EUR"),
    News("Tehran rejected a U.S. proposal on its nuclear programme.", "REJECT", "IRN", "USA"),
    News("Israel warned Hezbollah against attacking Haifa.", "THREATEN", "ISR", "LBN"),
    News("The United States threatened to withdraw its troops from Niger.", "THREATEN", "USA"),
    News("The United States threatened to withdraw its troops from Niger.", "RETREAT", "USA", "NER", None, "planned"),
    News("The United Nations urged both sides to protect civilians.", "REQUEST", "UNO"),
    News("Moldova asked NATO for air defence systems.", "REQUEST", "MDA", "NAT"),
    # Talks
    News(
        "U.S. Secretary of State Antony Blinken met Israeli Prime Minister Benjamin Netanyahu in Jerusalem.",
        "CONSULT",
        "USA",
        "ISR",
        "IL",
    ),
    News("French President Emmanuel Macron will visit Beijing next week.", "AGREE", "FRA", "CHN", "CN", "planned"),
    News("Qatar and Egypt mediated between Israel and Hamas.", "CONSULT", "QAT EGY", "ISR PSE"),
    News(
        "The new Polish prime minister held talks with his Ukrainian counterpart in Kyiv.",
        "CONSULT",
        "POL",
        "UKR",
        "UA",
    ),
    News("The king of Jordan visited Washington in February.", "CONSULT", "JOR", "USA", "US"),
    News("Kenya did not hold talks with Somalia.", "CONSULT", "KEN", "SOM", None, "denied"),
    # Words for, agreements, help
    News("Spain recognised a Palestinian state on Tuesday.", "SUPPORT", "ESP", "PSE"),
    News("Denmark apologised to Greenland for the forced sterilisation of Inuit women.", "SUPPORT", "DNK", "GRL"),
    News("Indian Prime Minister Narendra Modi congratulated Donald Trump on his victory.", "SUPPORT", "IND", "USA"),
    News("Armenia and Azerbaijan signed a peace treaty in Washington.", "SUPPORT", "ARM AZE", place="US"),
    News("Japan pledged $500 million in aid to Ukraine.", "AGREE", "JPN", "UKR"),
    News("Germany will send 50 tanks to Ukraine, the defence ministry said.", "AGREE", "DEU", "UKR", None, "planned"),
    News("Venezuelan President Nicolas Maduro pardoned more than 100 opposition politicians.", "CONCEDE", "VEN", "VEN"),
    News("Turkey lifted its veto on the Swedish bid.", "CONCEDE", "TUR"),
    News(
        "Saudi Arabia and Iran restored diplomatic relations after talks in Beijing.",
        "COOPERATE",
        "SAU IRN",
        place="CN",
    ),
    News("Greek coastguards rescued 80 migrants off Crete on Monday.", "AID", "GRC", place="GR"),
    News("Iran denied supplying drones to Russia.", "AID", "IRN", "RUS", None, "denied"),
    News("Rwandan troops withdrew from eastern Congo last month.", "RETREAT", "RWA", place="CD"),
    News("Cuba released 53 political prisoners.", "RETREAT", "CUB", "CUB"),
    News("The prime minister of Bangladesh resigned on Monday.", "RETREAT", "BGD"),
    News(
        "The Pentagon said it would withdraw 2,000 troops from Iraq by September.",
        "CONCEDE",
        "USA",
        "IRQ",
        "IQ",
        "planned",
    ),
]


@lru_cache(maxsize=1)
def _coder() -> Coder:
    return load_coder(("en",))


def _mentions(text: str) -> tuple[Mention, ...]:
    [coding] = _coder().code([article(text, language="en")])
    return coding.mentions


def _codes(mention: Mention, side: str) -> set[str | None]:
    parties = mention.actors if side == "actors" else mention.targets
    return {p.country or p.organisation for p in parties}


def _fits(mention: Mention, news: News) -> bool:
    return (
        mention.type == news.type
        and mention.modality == news.modality
        and (not news.actors or _codes(mention, "actors") == set(news.actors.split()))
        and (not news.targets or _codes(mention, "targets") == set(news.targets.split()))
        and (news.place is None or (mention.place is not None and mention.place.country == news.place))
    )


@pytest.mark.parametrize("news", _NEWS, ids=lambda news: f"{news.type}-{news.text[:40]}")
def test_a_sentence_tells_its_act(news: News) -> None:
    found = _mentions(news.text)
    assert any(_fits(mention, news) for mention in found), [
        (
            m.type,
            m.modality,
            _codes(m, "actors"),
            _codes(m, "targets"),
            m.place.country if m.place is not None else None,
        )
        for m in found
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Stocks rallied on Friday after the company beat forecasts.",
        "An earthquake struck western Nepal, killing 120 people.",
        "The film, shot in Morocco, won two awards.",
        "A bus plunged into a ravine in Peru, killing 25 people.",
        "The central bank raised interest rates to fight inflation.",
        "The company fired 200 workers and closed its plant in Ohio.",
        "Wildfires destroyed hundreds of homes near Athens.",
        "The team met its target in the second half of the season.",
        "Critics hailed the novel as a triumph.",
        "The striker suffered a heart attack during training.",
        "Oil prices fell as demand for fuel weakened in Asia.",
        "Two million tourists visited Lisbon last summer.",
        "The study demonstrated a link between sleep and memory.",
        "The airline ordered forty planes and launched new routes.",
        "Scientists discovered a planet that may hold water.",
        "The museum released a video about its new wing.",
        "The central bank kept its main interest rate unchanged at 5 percent.",
        "Shares in Tokyo closed higher on Thursday, led by carmakers.",
        "A magnitude 6.1 earthquake shook northern Peru, officials said.",
        "The striker signed a three-year contract with the Italian club.",
        "France beat Spain 2-1 in the final in Berlin.",
        "The company recalled 40,000 cars because of faulty brakes.",
        "A ferry carrying 120 people sank off Indonesia in bad weather.",
        "The singer cancelled her tour of Japan for health reasons.",
        "Voters in Ghana went to the polls on Sunday to elect a new president.",
        "The airline will open a new route to Nairobi in March.",
        "Researchers at Oxford said the vaccine was safe.",
        "Unemployment in Spain fell to 11 percent in the second quarter.",
        "The museum bought a painting by Goya from a private collector.",
        "The carmaker agreed to buy its smaller rival for $3 billion.",
        "Doctors treated the president for a chest infection.",
        "The prime minister said inflation would fall next year.",
        "Heavy rain flooded hundreds of homes in southern Brazil.",
        "The film festival opened in Cannes on Tuesday night.",
        "The court postponed its ruling until next month.",
        "Wheat exports from Ukraine rose 12 percent in April.",
        "The team flew to Madrid on Friday for the quarter-final.",
        "The president celebrated his 70th birthday on Sunday.",
        "The bank lent the retailer 200 million euros.",
        "Police found the missing boy safe and well.",
        "A plane carrying 90 passengers made an emergency landing in Dublin.",
        "The writer was awarded the Nobel prize for literature.",
        "Oil fell below $70 a barrel on fears of weaker demand.",
        "The tennis player withdrew from the tournament with a knee injury.",
        "The spacecraft entered orbit around Mars.",
        "The budget deficit widened to 4 percent of output.",
        "The chef shared his recipe with viewers.",
        "The two companies agreed to share technology.",
        "The minister opened a new hospital in the south.",
        "Parliament elected a new speaker on Monday.",
        "The finance minister presented the budget to parliament.",
        "The rebels' leader was born in a village near the border.",
        "The hotel turned away guests because it was full.",
        "The government spokesman declined to comment.",
        "The city has a population of two million.",
        "The volcano erupted again on Wednesday.",
    ],
)
def test_a_sentence_without_political_act_is_silent(text: str) -> None:
    assert [(m.type, m.trigger.text) for m in _mentions(text)] == []


def test_an_article_tells_its_acts_in_order() -> None:
    text = (
        "DAKAR, March 12 - Senegalese police arrested opposition leader Ousmane Diop on Tuesday, his lawyer said.\n"
        "Hundreds of supporters took to the streets of Dakar and threw stones at officers.\n"
        "The African Union urged the authorities to release him.\n"
        "The government rejected the call. It imposed a night curfew in the capital.\n"
    )
    types = [m.type for m in _mentions(text)]
    assert [t for t in types if t in {"COERCE", "PROTEST", "REQUEST", "REJECT"}] == [
        "COERCE",
        "PROTEST",
        "REQUEST",
        "REJECT",
        "COERCE",
    ]
    assert "ASSAULT" in types


def test_numbers_of_an_attack_are_tied_to_it() -> None:
    text = "Gunmen killed 14 soldiers and wounded eight others in an attack on an army camp in Niger on Sunday."
    quantities = {(q.kind, q.value) for m in _mentions(text) if m.type == "ASSAULT" for q in m.quantities}
    assert ("dead", 14.0) in quantities
