"""What an honest place in the queue needs: how long a run should take, and how long it took."""

import sqlalchemy as sql
from alembic import op

revision = "0002_queue"
down_revision = "0001_runs"


def upgrade() -> None:
    """Add the two columns, empty for the runs there are."""
    op.add_column("run", sql.Column("seconds", sql.Float))
    op.add_column("run", sql.Column("took", sql.Float))
