"""Texts and tables of the pack: Grimm's tales, clothing reviews, films."""

import gzip
import io
import sqlite3
import tempfile
from pathlib import Path

import pandas as pd

MODERN_TALES = (
    "Herr Korbes", "Pack of Scoundrels", "The Crumbs on the Table", "The Fox and the Geese",
    "The Hare and the Hedgehog", "The Wolf and the Fox", "The Wolf and the Man",
)  # fmt: skip
"""Tales that the package has in other words than the out-of-copyright Taylor and Edwardes edition."""
REVIEWS = 7_000
FIVES = 2_600
FILMS = 500


def grimm(sources: list[bytes]) -> bytes:
    """Write the tales as gzipped UTF-8 text: a line `# Title`, an empty line, the tale, an empty line."""
    table = pd.read_csv(io.BytesIO(sources[0]), sep="\t", skiprows=[1, 2], usecols=["Title", "Content"])
    kept = table[~table["Title"].isin(MODERN_TALES)]
    tales = (f"# {title}\n\n{_tidy(content)}\n" for title, content in zip(kept["Title"], kept["Content"], strict=True))
    return gzip.compress("\n".join(tales).encode(), mtime=0)


def _tidy(content: str) -> str:
    """Leave out the marks of footnotes and of italics."""
    return " ".join(content.replace("[*]", "").replace("_", "").split())


def reviews(sources: list[bytes]) -> bytes:
    """Keep every unhappy review, 2,600 of the best, and of those between as many as make 7,000; in shuffled order."""
    names = {
        "Title": "title", "Review Text": "text", "Rating": "rating", "Recommended IND": "recommended", "Age": "age",
        "Division Name": "division", "Department Name": "department", "Class Name": "kind",
    }  # fmt: skip
    table = pd.read_parquet(io.BytesIO(sources[0]))[list(names)].rename(columns=names)
    table = table.dropna(subset=["text", "department"]).drop_duplicates("text")
    unhappy = table[table["rating"] <= 2]
    best = table[table["rating"] == 5].sample(FIVES, random_state=1)
    between = table[table["rating"].between(3, 4)].sample(REVIEWS - FIVES - len(unhappy), random_state=1)
    kept = pd.concat([unhappy, best, between]).sample(frac=1.0, random_state=1)
    kept = kept.fillna({"title": ""}).astype({"rating": "int8", "recommended": "int8", "age": "int16"})
    return _parquet(kept)


def films(sources: list[bytes]) -> bytes:
    """Keep the 500 films with most critics' reviews, most first; `meter` is the share of kind reviews, 0 to 100."""
    query = """
        select o.Title title, o.Year year, o.Genre genres, o.Director director, t.Meter meter
        from omdb o join tomatoes t using (ID)
        where t.Meter is not null and o.Genre != '' order by t.Reviews desc, o.ID limit ?
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "movies.db"
        file.write_bytes(sources[0])
        connection = sqlite3.connect(file)
        try:
            table = pd.read_sql(query, connection, params=(FILMS,))
        finally:
            connection.close()
    return _parquet(table.astype({"year": "int16", "meter": "int8"}))


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.reset_index(drop=True).to_parquet(buffer, compression="brotli", index=False)
    return buffer.getvalue()
