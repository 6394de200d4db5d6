"""People, classes and what they may do."""

revision = "0003_people"
down_revision = "0002_queue"


def upgrade() -> None:
    """Nothing yet."""
