"""Numbers and findings as a clever fourteen-year-old would like to read them."""


def percent(value: float) -> str:
    """Write a share: 0.971 -> "97 %", 0.9971 -> "99.7 %", 0.0004 -> "0.04 %", 0.99999 -> "100 %"."""
    hundredths = 100 * value
    nearest = min(abs(hundredths), abs(100 - hundredths))
    places = 0 if nearest >= 1 or nearest < 0.005 else (1 if nearest >= 0.1 else 2)
    return f"{hundredths:.{places}f} %"


def number(value: float) -> str:
    """Write a number with three digits that matter: 1234.5 -> "1,234", 0.01234 -> "0.0123"."""
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e12:
        return f"{value:.2e}"
    places = max(0, 2 - _magnitude(value))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(amount: int, one: str, many: str = "") -> str:
    """Count things: "1 row", "1,088 rows"."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def _magnitude(value: float) -> int:
    return int(f"{abs(value):e}".partition("e")[2])
