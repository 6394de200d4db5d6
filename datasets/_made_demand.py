"""A bakery's sales of our own making, day by day for four years, with what drives them.

Sales follow the day of the week, the season, the temperature, a slow growth and offers that are announced at random;
an offer also takes from the day after. Made from a seed; the noise that nobody can foresee is 7 % of a day's sales.
"""

import datetime as dt

import numpy as np

VERSION = 1
SEED = 11
DAYS = 4 * 365 + 1
FIRST = dt.date(2021, 1, 1)
COLUMNS = ("sales", "temperature", "offer")
_WEEK = (0.86, 0.88, 0.93, 1.0, 1.18, 1.42, 0.73)
"""Monday to Sunday."""
NOISE = 0.07


def make(days: int = DAYS, seed: int = SEED) -> tuple[np.ndarray, list[dt.date]]:
    """Return the values, (days, columns) float64, and the date of each day."""
    random = np.random.default_rng([VERSION, seed])
    dates = [FIRST + dt.timedelta(days=day) for day in range(days)]
    year = 2 * np.pi * np.array([date.timetuple().tm_yday for date in dates]) / 365.25
    temperature = 11 - 10 * np.cos(year - 0.35) + _wandering(random, days, 0.8, 2.0)
    offer = (random.random(days) < 0.08).astype(float)
    after = np.concatenate([[0.0], offer[:-1]])
    sales = (
        260
        * np.array([_WEEK[date.weekday()] for date in dates])
        * (1 + 0.12 * np.arange(days) / 365)
        * (1 + 0.08 * np.cos(year))
        * (1 - 0.006 * (temperature - 11))
        * (1 + 0.35 * offer - 0.12 * after)
        * np.exp(_wandering(random, days, 0.7, 0.03) + random.normal(0, NOISE, days))
    )
    return np.stack([np.round(sales), np.round(temperature, 1), offer], axis=1), dates


def _wandering(random: np.random.Generator, days: int, memory: float, spread: float) -> np.ndarray:
    """Return a value that remembers its yesterday: (days,), around zero."""
    found, step = np.zeros(days), random.normal(0, spread, days)
    for day in range(1, days):
        found[day] = memory * found[day - 1] + step[day]
    return found
