"""What the queue and a second machine need."""

revision = "0002_queue"
down_revision = "0001_runs"


def upgrade() -> None:
    """Nothing yet."""
