"""How the packed series are made from the sources' bytes."""


def sunspots(sources: list[bytes]) -> bytes:
    """Give the columns names that people read."""
    _, _, rows = sources[0].decode().replace("\r\n", "\n").partition("\n")
    return f"year,sunspots\n{rows}".encode()


def el_nino(sources: list[bytes]) -> bytes:
    """Turn a row per year into a row per month."""
    _, *rows = sources[0].decode().split()
    cells = [row.split(",") for row in rows]
    lines = [f"{year}-{month:02d},{value}" for year, *values in cells for month, value in enumerate(values, 1)]
    return ("month,temperature\n" + "\n".join(lines) + "\n").encode()
