"""The settings of a recipe that only tables have."""

from typing import Literal

from recipes import Settings, setting

Kind = Literal["number", "category", "boolean", "date", "text", "ignore"]


class Cells(Settings):
    """How the cells of a file are told apart; what is left empty is found out and noted."""

    delimiter: str = setting(
        "", "Delimiter", "The sign between two cells; empty: found out.", advanced=True, panel="data", max_length=12
    )
    encoding: str = setting(
        "", "Encoding", "How letters are stored, such as utf-8 or cp1252; empty: found out.", advanced=True,
        panel="data", max_length=30,
    )  # fmt: skip
    header: Literal["auto", "yes", "no"] = setting(
        "auto", "First row is the header", "Whether the first row names the columns.", advanced=True, panel="data"
    )
    sheet: str = setting(
        "", "Sheet", "Which sheet of an Excel file; empty: the first one with cells.", advanced=True, panel="data"
    )


class Reading(Cells):
    """How columns are read and used."""

    decimal: Literal["", ".", ","] = setting(
        "", "Decimal mark", "The mark before the decimals; empty: found out.", advanced=True, panel="data"
    )
    skip_bad_rows: bool = setting(
        False, "Skip bad rows", "Leave out rows with more cells than the header instead of refusing the file.",
        advanced=True, panel="data",
    )  # fmt: skip
    rare_classes: Literal["refuse", "leave out"] = setting(
        "refuse", "Rare classes", "What to do with classes of fewer than 3 rows.", advanced=True, panel="data"
    )
    columns: dict[str, Kind] = setting(
        {}, "Column kinds", "Kinds chosen by hand, by column name: number, category, boolean, date, text or ignore.",
        advanced=True, panel="data",
    )  # fmt: skip


class Config(Reading):
    """How a table is read and used, also where its rows are only redrawn."""

    hold_out: str = setting(
        "", "Odd class", "Only for redrawing: this class is never trained on and must be found in the test as odd.",
        advanced=True, panel="data", max_length=120,
    )  # fmt: skip
