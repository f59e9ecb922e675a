"""Rollouts, their looks, and what they were judged by.

Revision: 0002
"""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From 0001."""
