"""What the gateway knows: how far it has read each topic of the shop's own."""

from __future__ import annotations

from alembic import op

revision = "gateway_0001"
down_revision = None
branch_labels = ("gateway",)
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA gateway")
    op.execute("""
        CREATE TABLE gateway.positions (
            source    text NOT NULL,    -- as wici.yaml names it
            topic     text NOT NULL,
            partition int NOT NULL,
            topic_id  text NOT NULL,    -- offsets mean nothing in a topic that was made again
            position  bigint NOT NULL,  -- the next offset to be read; moved after the bus has acknowledged
            PRIMARY KEY (source, topic, partition)
        )""")
