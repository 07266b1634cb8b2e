"""Numbers in text: figures with separators, words, collectives, ordinals, times."""

import pytest

from streams.coding.numerals import NumeralReader

FRENCH = NumeralReader.load("fr")
ENGLISH = NumeralReader.load("en")


def only_number(reader: NumeralReader, text: str) -> tuple[float | int | None, str, str]:
    numbers = [token for token in reader.tokens(text) if token.kind in {"number", "ordinal", "time"}]
    assert len(numbers) == 1, [text[token.start : token.end] for token in numbers]
    return numbers[0].value, numbers[0].form, text[numbers[0].start : numbers[0].end]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("zéro", 0),
        ("vingt et un", 21),
        ("vingt-et-un", 21),
        ("trente-deux", 32),
        ("soixante et onze", 71),
        ("soixante-dix-neuf", 79),
        ("quatre-vingts", 80),
        ("quatre-vingt-dix-sept", 97),
        ("QUATRE-VINGT-DIX-SEPT", 97),
        ("septante-trois", 73),
        ("cent", 100),
        ("cent vingt", 120),
        ("deux cents", 200),
        ("deux cent quarante-cinq", 245),
        ("mille", 1000),
        ("mille deux cents", 1200),
        ("deux mille cinq cents", 2500),
        ("dix-sept mille", 17_000),
        ("trois cent mille", 300_000),
        ("un million et demi", 1_500_000),
        ("un demi-million", 500_000),
        ("deux millions cinq cent mille", 2_500_000),
        ("une vingtaine", 20),
        ("une demi-douzaine", 6),
        ("deux douzaines", 24),
        ("une centaine de milliers", 100_000),
        ("des dizaines", 20),
        ("des dizaines de milliers", 20_000),
        ("plusieurs centaines", 200),
        ("quelques millions", 2_000_000),
        ("1 081", 1081),
        ("1\u00a0081", 1081),
        ("1\u202f081", 1081),
        ("1.081", 1081),
        ("1.200.000", 1_200_000),
        ("12 345,67", 12_345.67),
        ("1,5", 1.5),
        ("1,5 million", 1_500_000),
        ("2,25 milliards", 2_250_000_000),
        ("3 mille", 3000),
        ("10 M€", 10_000_000),
        ("1,500", 1500),
        ("1,234 milliard", 1_234_000_000),
    ],
)
def test_french(text: str, value: float) -> None:
    assert only_number(FRENCH, text)[0] == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("twenty-one", 21),
        ("two hundred and five", 205),
        ("a hundred", 100),
        ("two thousand five hundred", 2500),
        ("one hundred thousand", 100_000),
        ("half a million", 500_000),
        ("a million and a half", 1_500_000),
        ("a dozen", 12),
        ("two dozen", 24),
        ("dozens", 24),
        ("several hundred", 200),
        ("tens of thousands", 20_000),
        ("hundreds of thousands", 200_000),
        ("1,081", 1081),
        ("1,200,000", 1_200_000),
        ("1.5 million", 1_500_000),
        ("5bn", 5_000_000_000),
        ("1.500", 1500),
    ],
)
def test_english(text: str, value: float) -> None:
    assert only_number(ENGLISH, text)[0] == pytest.approx(value)


@pytest.mark.parametrize("text", ["un", "une", "Une"])
def test_an_article_is_one_and_says_so(text: str) -> None:
    assert only_number(FRENCH, text)[:2] == (1, "article")


@pytest.mark.parametrize("text", ["G20", "MH370", "Covid-19"])
def test_figures_of_a_name_are_marked(text: str) -> None:
    assert only_number(FRENCH, text)[1] == "code"


@pytest.mark.parametrize(
    ("text", "kind"), [("1er", "ordinal"), ("1 er", "ordinal"), ("20H30", "time"), ("18h", "time")]
)
def test_ordinals_and_times_are_no_counts(text: str, kind: str) -> None:
    (token,) = FRENCH.tokens(text)
    assert token.kind == kind


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("deux trois", [2, 3]),
        ("en 2014 300 personnes", [2014, 300]),
        ("03.05.2016", [3, 5, 2016]),
        ("01 42 12 34", [1, 42, 12, 34]),
        ("mille mille", [1000, 1000]),
        ("vingt dix", [20, 10]),
    ],
)
def test_numbers_that_only_stand_together_stay_apart(text: str, values: list[int]) -> None:
    assert [token.value for token in FRENCH.tokens(text) if token.kind == "number"] == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("cent\n\nmille", [100, 1000]),
        ("vingt\n\ncinq", [20, 5]),
        ("vingt et\n\nun", [20, 1]),
        ("cent\n\ntrois", [100, 3]),
        ("mille\n\ncent", [1000, 100]),
        ("quatre\n\nvingt", [4, 20]),
        ("dix\n\nsept", [10, 7]),
        ("5\n\nmillions", [5]),
        ("1\n\n081", [1, 81]),
        ("une\n\nvingtaine", [1]),
        ("des\n\ndizaines", [20]),
    ],
)
def test_a_number_is_not_read_across_a_paragraph(text: str, values: list[int]) -> None:
    assert [token.value for token in FRENCH.tokens(text) if token.kind == "number"] == values


def test_endless_figures_are_no_number() -> None:
    (token,) = FRENCH.tokens("9" * 5000)
    assert token.value is None


def test_figures_of_other_scripts_count() -> None:
    assert only_number(FRENCH, "٣٥")[0] == 35
