"""What the notifier knows: attempts, deliveries, suppressions, parked callbacks, what the brake counts, the mailbox."""

from __future__ import annotations

from alembic import op

revision = "notifier_0001"
down_revision = None
branch_labels = ("notifier",)
depends_on = ("contracts_0001", "engine_0001")

BUSY = "autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0"
VIEWS = {  # what other services may read
    "attempts": "id, account, composed_at, version, claimed_at, turn, outcome",
    "deliveries": (
        "send_key, account, provider_id, status, at, deferred_at, delivered_at, opened_at, clicked_at, refused_at,"
        " bounced_at, unsubscribed_at, complained_at, machine_opened_at, machine_clicked_at"
    ),
    "suppressions": "channel, address, reason, at",
}


def upgrade() -> None:
    """Make the schema."""
    _sending()
    _callbacks()
    _restraint()
    _pages()
    _views()


def _sending() -> None:
    op.execute("CREATE SCHEMA notifier")
    op.execute(f"""
        CREATE TABLE notifier.attempts (
            id          uuid PRIMARY KEY,       -- the idempotency key
            account     text NOT NULL,
            send_keys   uuid[] NOT NULL,        -- in the order of the request
            digest      bytea NOT NULL,         -- SHA-256 of the request's body
            composed_at timestamptz NOT NULL,   -- marketing time; part of what is composed
            version     bigint NOT NULL,        -- of the workspace: the templates and senders it was composed with
            owner       text NOT NULL,          -- the process that has it in hand
            claimed_at  timestamptz NOT NULL,   -- real time, as all below
            turn        int NOT NULL,           -- how often it was taken in hand: 1 is the claim, each more a repeat
            phase       smallint NOT NULL,      -- services.notifier.attempts.Phase
            due_at      timestamptz NOT NULL,   -- when somebody must look at it: lease, next call or settling
            settled_at  timestamptz,
            outcome     text                    -- answered, freed, split, unknown, called_back
        ) WITH (fillfactor = 80, {BUSY})""")
    op.execute("CREATE INDEX attempts_open ON notifier.attempts (due_at) WHERE settled_at IS NULL")
    op.execute(f"""
        CREATE TABLE notifier.deliveries (
            send_key    uuid PRIMARY KEY,
            profile_id  uuid NOT NULL,
            account     text NOT NULL,
            provider_id text,
            address     bytea NOT NULL,         -- HMAC of the recipient
            status      text NOT NULL,          -- accepted, deferred, delivered, bounced, …: monotone
            at          timestamptz NOT NULL,
            deferred_at        timestamptz,     -- the first time of each, as the provider says
            delivered_at       timestamptz,
            opened_at          timestamptz,
            clicked_at         timestamptz,
            refused_at         timestamptz,
            bounced_at         timestamptz,
            unsubscribed_at    timestamptz,
            complained_at      timestamptz,
            machine_opened_at  timestamptz,
            machine_clicked_at timestamptz
        ) WITH (fillfactor = 80, {BUSY})""")
    op.execute("CREATE INDEX deliveries_provider ON notifier.deliveries (provider_id) WHERE provider_id IS NOT NULL")
    op.execute("CREATE INDEX deliveries_profile ON notifier.deliveries (profile_id)")


def _callbacks() -> None:
    op.execute("CREATE TABLE notifier.callback_ids (id uuid PRIMARY KEY, at timestamptz NOT NULL)")
    op.execute("CREATE INDEX callback_ids_at ON notifier.callback_ids USING brin (at)")
    op.execute("""
        CREATE TABLE notifier.parked_callbacks (
            id          uuid PRIMARY KEY,
            account     text NOT NULL,
            provider_id text,
            send_key    uuid,
            attempt_id  uuid,
            callback    bytea NOT NULL,         -- JSON of the translated callback, without the recipient
            at          timestamptz NOT NULL
        )""")
    op.execute("CREATE INDEX parked_callbacks_at ON notifier.parked_callbacks (at)")


def _restraint() -> None:
    op.execute("""
        CREATE TABLE notifier.suppressions (
            channel text NOT NULL,
            address bytea NOT NULL,             -- HMAC of the normalised address
            reason  text NOT NULL,              -- bounced, complained, unsubscribed
            at      timestamptz NOT NULL,
            PRIMARY KEY (channel, address, reason)
        )""")
    op.execute(f"""
        CREATE TABLE notifier.spent (
            scope  text NOT NULL,               -- as in queue.pauses
            bucket timestamptz NOT NULL,        -- real time: the beginning of five minutes
            owner  text NOT NULL,               -- the process that claimed
            amount numeric NOT NULL,            -- messages of a journey, or money of a channel
            PRIMARY KEY (scope, bucket, owner)
        ) WITH (fillfactor = 50, {BUSY})""")


def _pages() -> None:
    op.execute("""
        CREATE TABLE notifier.confirmations (   -- links of double opt-in that were followed to the end
            send_key uuid PRIMARY KEY,
            at       timestamptz NOT NULL
        )""")
    op.execute("""
        CREATE TABLE notifier.mailbox (
            send_key uuid PRIMARY KEY,
            seq      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
            channel  text NOT NULL,
            sent_at  timestamptz NOT NULL,      -- marketing time
            message  bytea NOT NULL             -- JSON of services.notifier.providers.mailbox.Row
        )""")


def _views() -> None:
    for name, columns in VIEWS.items():
        op.execute(f"CREATE VIEW notifier.v_{name} AS SELECT {columns} FROM notifier.{name}")
