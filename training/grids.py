"""How much CO2 a kilowatt-hour of electricity carries, by country: a small table with its year and its source.

Countries: Ember and Energy Institute, lifecycle intensity of the electricity generated in 2023, as published by Our
World in Data ("Carbon intensity of electricity generation", CC BY 4.0, https://ourworldindata.org). World: Ember,
Global Electricity Review 2024. LAYERWISE_COUNTRY chooses a country (three letters, such as `DEU`), and
LAYERWISE_GRAMS_PER_KWH sets a number of one's own (a contract for green power, a solar roof).
"""

from dataclasses import dataclass

from recipes import Refusal
from recipes.configuration import configuration

YEAR = 2023
SOURCE = "Ember, via Our World in Data"
WORLD = 480.0
"""Grams of CO2 equivalents per kilowatt-hour, the world's mean: what is taken where no country is named."""
COUNTRIES: dict[str, tuple[str, int]] = {
    "ARG": ("Argentina", 354),
    "AUS": ("Australia", 549),
    "AUT": ("Austria", 111),
    "BEL": ("Belgium", 138),
    "BGD": ("Bangladesh", 691),
    "BGR": ("Bulgaria", 335),
    "BIH": ("Bosnia and Herzegovina", 600),
    "BOL": ("Bolivia", 532),
    "BRA": ("Brazil", 98),
    "CAN": ("Canada", 170),
    "CHE": ("Switzerland", 35),
    "CHL": ("Chile", 291),
    "CHN": ("China", 582),
    "COL": ("Colombia", 260),
    "CRI": ("Costa Rica", 53),
    "CYP": ("Cyprus", 534),
    "CZE": ("Czechia", 450),
    "DEU": ("Germany", 381),
    "DNK": ("Denmark", 152),
    "ECU": ("Ecuador", 150),
    "EGY": ("Egypt", 570),
    "ESP": ("Spain", 174),
    "EST": ("Estonia", 417),
    "FIN": ("Finland", 79),
    "FRA": ("France", 56),
    "GBR": ("United Kingdom", 238),
    "GEO": ("Georgia", 168),
    "GRC": ("Greece", 337),
    "HRV": ("Croatia", 205),
    "HUN": ("Hungary", 204),
    "IND": ("India", 713),
    "IRL": ("Ireland", 291),
    "IRN": ("Iran", 655),
    "ITA": ("Italy", 331),
    "JPN": ("Japan", 485),
    "KAZ": ("Kazakhstan", 821),
    "KEN": ("Kenya", 70),
    "KOR": ("South Korea", 431),
    "KWT": ("Kuwait", 649),
    "LTU": ("Lithuania", 160),
    "LUX": ("Luxembourg", 105),
    "LVA": ("Latvia", 123),
    "MAR": ("Morocco", 630),
    "MDA": ("Moldova", 643),
    "MEX": ("Mexico", 507),
    "MKD": ("North Macedonia", 565),
    "MLT": ("Malta", 459),
    "MMR": ("Myanmar", 399),
    "MNE": ("Montenegro", 417),
    "MNG": ("Mongolia", 775),
    "NGA": ("Nigeria", 523),
    "NLD": ("Netherlands", 268),
    "NOR": ("Norway", 30),
    "NZL": ("New Zealand", 113),
    "OMN": ("Oman", 565),
    "PAK": ("Pakistan", 441),
    "PER": ("Peru", 266),
    "PHL": ("Philippines", 611),
    "POL": ("Poland", 662),
    "PRT": ("Portugal", 166),
    "PRY": ("Paraguay", 24),
    "QAT": ("Qatar", 602),
    "ROU": ("Romania", 241),
    "RUS": ("Russia", 441),
    "SGP": ("Singapore", 471),
    "SLV": ("El Salvador", 271),
    "SRB": ("Serbia", 636),
    "SVK": ("Slovakia", 117),
    "SVN": ("Slovenia", 231),
    "SWE": ("Sweden", 41),
    "THA": ("Thailand", 550),
    "TUN": ("Tunisia", 564),
    "TUR": ("Turkey", 465),
    "TWN": ("Taiwan", 642),
    "URY": ("Uruguay", 129),
    "USA": ("United States", 369),
    "VNM": ("Vietnam", 475),
    "ZAF": ("South Africa", 708),
}
"""Grams of CO2 equivalents per kilowatt-hour, by ISO 3166 code."""


@dataclass(frozen=True)
class Grid:
    """Where the electricity comes from."""

    name: str
    grams_per_kwh: float
    source: str
    year: int | None = None


def here() -> Grid:
    """Return the grid that this computer hangs on, as its owner says; else the world's mean."""
    own, code = configuration().grams_per_kwh, configuration().country.upper()
    if own is not None:
        return Grid(COUNTRIES.get(code, ("this computer",))[0], own, "LAYERWISE_GRAMS_PER_KWH")
    if not code:
        return Grid("the world's mean", WORLD, SOURCE, YEAR)
    if code not in COUNTRIES:
        raise Refusal(
            f"LAYERWISE_COUNTRY is '{code}', which is not in the table of {YEAR}. Use three letters such as DEU, or "
            "set LAYERWISE_GRAMS_PER_KWH to a number."
        )
    name, grams = COUNTRIES[code]
    return Grid(name, float(grams), SOURCE, YEAR)
