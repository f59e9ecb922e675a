"""What is kept of each reply, and the references of drift.

Revision: 0004
"""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """From 0003."""
