"""What services share: the queue between engine and notifier, and the published workspace."""

from __future__ import annotations

from alembic import op

revision = "contracts_0001"
down_revision = None
branch_labels = ("contracts",)
depends_on = None


def upgrade() -> None:
    """Make the schema."""
    _outbound()
    _answers()
    _workspace()


def _outbound() -> None:
    op.execute("CREATE SCHEMA queue")
    op.execute("""
        CREATE TABLE queue.outbound (
            send_key   uuid PRIMARY KEY,
            seq        bigint GENERATED ALWAYS AS IDENTITY,
            profile_id uuid NOT NULL,
            entry_id   uuid NOT NULL,
            journey    text NOT NULL,
            step       text NOT NULL,
            class      text NOT NULL,
            topic      text,
            channel    text NOT NULL,
            template   text NOT NULL,
            locale     text,
            recipient  text NOT NULL,
            context    bytea NOT NULL,          -- JSON; empty once settled
            on_unknown text NOT NULL DEFAULT 'settle',
            created_at timestamptz NOT NULL,    -- marketing time
            expires_at timestamptz,             -- marketing time
            quiet      tstzmultirange,          -- marketing time at which it must not leave
            state      smallint NOT NULL DEFAULT 0,  -- services.contracts.message.State
            reason     text,
            attempt_id uuid,                    -- the newest
            attempts   smallint NOT NULL DEFAULT 0,
            bound_to   text,                    -- the only account that may call again: there its fate is unknown
            settled_at timestamptz              -- real time
        ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)""")
    op.execute("CREATE INDEX outbound_queued ON queue.outbound (channel, seq) WHERE state = 0")
    # A customer who answers STOP is known by the number alone.
    op.execute("CREATE INDEX outbound_numbers ON queue.outbound (recipient) WHERE channel = 'sms'")
    # In the order in which a customer's messages leave: the claim sorts nothing to find the first.
    op.execute("CREATE INDEX outbound_open ON queue.outbound (profile_id, channel, state DESC, seq) WHERE state < 10")
    op.execute("CREATE INDEX outbound_profile ON queue.outbound (profile_id)")
    op.execute("CREATE INDEX outbound_created ON queue.outbound USING brin (created_at) WITH (autosummarize = on)")


def _answers() -> None:
    op.execute("""
        CREATE TABLE queue.erasures (           -- customers whose data the notifier has still to erase
            profile_id uuid PRIMARY KEY,
            due_at     timestamptz NOT NULL     -- real time
        )""")
    op.execute("""
        CREATE TABLE queue.receipts (
            id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            send_key   uuid NOT NULL,
            profile_id uuid NOT NULL,
            entry_id   uuid NOT NULL,
            journey    text NOT NULL,
            step       text NOT NULL,
            channel    text NOT NULL,
            kind       text NOT NULL,
            at         timestamptz NOT NULL,
            data       bytea NOT NULL,
            shard      smallint GENERATED ALWAYS AS (get_byte(uuid_send(profile_id), 15) % 12) STORED
        ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)""")
    op.execute("CREATE INDEX receipts_profile ON queue.receipts (profile_id)")
    op.execute("""
        CREATE TABLE queue.pauses (
            scope text PRIMARY KEY,             -- all, journey:NAME or channel:NAME
            since timestamptz NOT NULL,
            by    text NOT NULL
        )""")


def _workspace() -> None:
    op.execute("CREATE SCHEMA workspace")
    op.execute("""
        CREATE TABLE workspace.versions (
            id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            published_at timestamptz NOT NULL,
            author       text NOT NULL,
            digest       bytea NOT NULL,
            document     bytea NOT NULL         -- JSON of services.contracts.workspace.Workspace
        )""")
    op.execute("""
        CREATE TABLE workspace.audit (
            id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at        timestamptz NOT NULL,     -- real time
            who       text NOT NULL,            -- user@host, or brake
            act       text NOT NULL,            -- publish, rollback, pause, resume
            scope     text,                     -- what was paused or resumed, as in queue.pauses
            version   bigint,
            commit_id text,                     -- git's, of the folder that was published
            dirty     boolean,                  -- whether the folder differed from the commit
            digest    bytea
        )""")
    op.execute("""
        CREATE TABLE workspace.journeys (
            name     text NOT NULL,
            revision int NOT NULL,
            digest   bytea NOT NULL,
            document bytea NOT NULL,            -- JSON of services.contracts.journey.Journey
            PRIMARY KEY (name, revision)
        )""")
