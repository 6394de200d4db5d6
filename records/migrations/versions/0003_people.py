"""People, classes and what they may do."""

import sqlalchemy as sql
from alembic import op

revision = "0003_people"
down_revision = "0002_queue"


def upgrade() -> None:
    """Make the tables of `records.people` and `records.classes`."""
    op.create_table(
        "session",
        sql.Column("id", sql.String, primary_key=True),
        sql.Column("owner", sql.String, nullable=False, index=True),
        sql.Column("kind", sql.String, nullable=False),
        sql.Column("created", sql.Float, nullable=False),
        sql.Column("ended", sql.Float),
    )
    op.create_table(
        "recovery",
        sql.Column("words", sql.String, primary_key=True),
        sql.Column("owner", sql.String, nullable=False, unique=True),
        sql.Column("created", sql.Float, nullable=False),
    )
    op.create_table(
        "wrong_try",
        sql.Column("id", sql.Integer, primary_key=True),
        sql.Column("who", sql.String, nullable=False, index=True),
        sql.Column("time", sql.Float, nullable=False),
    )
    op.create_table(
        "classroom",
        sql.Column("id", sql.String, primary_key=True),
        sql.Column("teacher", sql.String, nullable=False, index=True),
        sql.Column("name", sql.String, nullable=False),
        sql.Column("code", sql.String, nullable=False, unique=True),
        sql.Column("created", sql.Float, nullable=False),
        sql.Column("closed", sql.Float),
        sql.Column("settings", sql.Text, nullable=False),
    )
    op.create_table(
        "member",
        sql.Column("id", sql.String, primary_key=True),
        sql.Column("classroom", sql.String, sql.ForeignKey("classroom.id"), nullable=False, index=True),
        sql.Column("owner", sql.String, nullable=False, unique=True),
        sql.Column("nickname", sql.String, nullable=False),
        sql.Column("same_as", sql.String, nullable=False),
        sql.Column("joined", sql.Float, nullable=False),
        sql.Column("loaded", sql.Float),
        sql.UniqueConstraint("classroom", "same_as"),
    )
    op.create_table(
        "class_run",
        sql.Column("run", sql.String, primary_key=True),
        sql.Column("member", sql.String, sql.ForeignKey("member.id"), nullable=False, index=True),
        sql.Column("classroom", sql.String, nullable=False, index=True),
        sql.Column("entered", sql.Float),
    )
