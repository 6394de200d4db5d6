"""The runs: who owns which, its state, attempt and place in the queue."""

import sqlalchemy as sql
from alembic import op

from recipes import Refusal
from records.database import NEWER

revision = "0001_runs"
down_revision = None
OLD_SCHEMA = 1
"""What catalogues before these steps called themselves; their table is this one already."""


def upgrade() -> None:
    """Make the table, unless an older Layerwise has made it."""
    connection = op.get_bind()
    if "schema" in sql.inspect(connection).get_table_names():
        if connection.exec_driver_sql("SELECT version FROM schema").scalar_one() != OLD_SCHEMA:
            raise Refusal(NEWER)
        op.drop_table("schema")
        return
    op.create_table(
        "run",
        sql.Column("id", sql.String, primary_key=True),
        sql.Column("owner", sql.String, nullable=False, index=True),
        sql.Column("title", sql.String, nullable=False),
        sql.Column("state", sql.String, nullable=False, index=True),
        sql.Column("attempt", sql.Integer, nullable=False),
        sql.Column("handle", sql.String, nullable=False),
        sql.Column("device", sql.String, nullable=False),
        sql.Column("place", sql.Float, nullable=False),
        sql.Column("created", sql.Float, nullable=False),
        sql.Column("updated", sql.Float, nullable=False),
        sql.Column("deaths", sql.Integer, nullable=False),
        sql.Column("reached", sql.Integer, nullable=False),
        sql.Column("starred", sql.Boolean, nullable=False),
        sql.Column("deleted", sql.Float),
    )
