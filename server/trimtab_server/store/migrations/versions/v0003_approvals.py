"""The second person, and concepts that are protected.

Revision: 0003
"""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """From 0002."""
