"""The PostgreSQL bus: topics, their records, and who reads what."""

from __future__ import annotations

from alembic import op

revision = "kit_0002"
down_revision = "kit_0001"
branch_labels = None
depends_on = None

TOPICS = """
    CREATE TABLE bus.topics (
        number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE,
        id uuid NOT NULL
    )"""

# One row is the counter of a partition's offsets; a publish locks it until commit, so that readers never skip.
PARTITIONS = """
    CREATE TABLE bus.partitions (
        topic integer NOT NULL REFERENCES bus.topics ON DELETE CASCADE,
        partition integer NOT NULL,
        first_offset bigint NOT NULL DEFAULT 0,
        next_offset bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (topic, partition)
    ) WITH (fillfactor = 20)"""

# No foreign key: it would be looked up for every record. `published_at` is milliseconds since 1970.
RECORDS = """
    CREATE TABLE bus.records (
        topic integer NOT NULL,
        partition integer NOT NULL,
        "offset" bigint NOT NULL,
        published_at bigint NOT NULL,
        key bytea,
        value bytea,
        headers bytea,
        PRIMARY KEY (topic, partition, "offset")
    )"""

GROUPS = """
    CREATE TABLE bus.groups (
        name text NOT NULL,
        topic integer NOT NULL REFERENCES bus.topics ON DELETE CASCADE,
        generation bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (name, topic)
    )"""

# `session` is the process that has the seat; `seen` the generation for which it has given up its old partitions.
MEMBERS = """
    CREATE TABLE bus.members (
        group_name text NOT NULL,
        topic integer NOT NULL,
        name text NOT NULL,
        session uuid NOT NULL,
        lease_until timestamptz NOT NULL,
        seen bigint NOT NULL,
        PRIMARY KEY (group_name, topic, name),
        FOREIGN KEY (group_name, topic) REFERENCES bus.groups ON DELETE CASCADE
    )"""

# For tools that show lag; nothing is read from here to decide.
COMMITS = """
    CREATE TABLE bus.commits (
        group_name text NOT NULL,
        topic integer NOT NULL REFERENCES bus.topics ON DELETE CASCADE,
        partition integer NOT NULL,
        position bigint NOT NULL,
        PRIMARY KEY (group_name, topic, partition)
    )"""


def upgrade() -> None:
    """Make the schema `bus`."""
    op.execute("CREATE SCHEMA bus")
    for statement in (TOPICS, PARTITIONS, RECORDS, GROUPS, MEMBERS, COMMITS):
        op.execute(statement)
