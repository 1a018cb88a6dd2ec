"""The movable clock's offset."""

from __future__ import annotations

from alembic import op

revision = "kit_0001"
down_revision = None
branch_labels = ("kit",)
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA kit")
    op.execute("""
        CREATE TABLE kit.clock (
            one boolean PRIMARY KEY DEFAULT true CHECK (one),
            offset_seconds double precision NOT NULL DEFAULT 0
        )""")
    op.execute("INSERT INTO kit.clock DEFAULT VALUES")
