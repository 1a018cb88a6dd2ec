"""What the trigger engine knows: positions, events, profiles, entries, timers, consents, outcomes."""

from __future__ import annotations

from alembic import op

revision = "engine_0001"
down_revision = None
branch_labels = ("engine",)
depends_on = ("contracts_0001",)

BUSY = "autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0"
VIEWS = {  # what other services may read
    "profiles": "id, version, state",
    "identifiers": "kind, source, value, profile_id",
    "events": "id, profile_id, type, time, received_at, source, data, trace",
    "entries": (
        "id, profile_id, journey, revision, key, entered_at, step, ended_at, reason, held_out, goal_at, goal_key,"
        " goal_amount, goal_currency, arms, trace"
    ),
    "timers": "id, profile_id, due",
    "parked": "id, profile_id, due, reason",
    "erased": "identifier, erased_at",
}


def upgrade() -> None:
    """Make the schema."""
    op.execute("CREATE SCHEMA engine")
    _log()
    _customers()
    _entries()
    _timers()
    _trials()
    _products()
    _crowds()
    _views()


def _log() -> None:
    op.execute("""
        CREATE TABLE engine.positions (
            topic     text NOT NULL,
            partition int NOT NULL,
            topic_id  text NOT NULL,
            position  bigint NOT NULL,
            PRIMARY KEY (topic, partition)
        )""")
    op.execute("CREATE TABLE engine.event_ids (id uuid PRIMARY KEY)")
    op.execute("""
        CREATE TABLE engine.events (
            day        date NOT NULL,           -- of received_at
            id         uuid NOT NULL,
            profile_id uuid NOT NULL,
            type       text NOT NULL,
            time       timestamptz NOT NULL,    -- source time
            received_at timestamptz NOT NULL,
            source     text NOT NULL,
            data       bytea NOT NULL,          -- JSON as it came
            trace      bytea                    -- MessagePack of journeys.reaction.Note: why it did nothing, and where
        ) PARTITION BY RANGE (day)""")
    op.execute("CREATE INDEX events_profile ON engine.events (profile_id)")
    op.execute("CREATE TABLE engine.events_other PARTITION OF engine.events DEFAULT")
    op.execute(f"""
        CREATE TABLE engine.outcomes (
            id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            topic   text NOT NULL,
            key     bytea,
            value   bytea NOT NULL,
            headers bytea NOT NULL              -- JSON: [[name, base64 value], …]
        ) WITH ({BUSY})""")


def _customers() -> None:
    op.execute(f"""
        CREATE TABLE engine.profiles (
            id      uuid PRIMARY KEY,
            version int NOT NULL,
            state   bytea NOT NULL              -- MessagePack of profiles.state.Profile
        ) WITH (fillfactor = 80, {BUSY})""")
    # Names are compared by their bytes: a language's order would be asked for at each step down the index.
    op.execute("""
        CREATE TABLE engine.identifiers (
            kind       text COLLATE "C" NOT NULL,   -- customer, email, phone, anonymous, cart, order
            source     text COLLATE "C" NOT NULL,   -- empty where the value is global (email, phone)
            value      text COLLATE "C" NOT NULL,
            profile_id uuid NOT NULL,
            PRIMARY KEY (kind, source, value)
        )""")
    op.execute("CREATE INDEX identifiers_profile ON engine.identifiers (profile_id)")
    op.execute("CREATE TABLE engine.aliases (old uuid PRIMARY KEY, new uuid NOT NULL)")
    op.execute("CREATE INDEX aliases_new ON engine.aliases (new)")
    op.execute("CREATE TABLE engine.erased (identifier bytea PRIMARY KEY, erased_at timestamptz NOT NULL)")
    op.execute("""
        CREATE TABLE engine.consents (
            profile_id uuid NOT NULL,
            channel    text NOT NULL,
            topic      text NOT NULL,           -- empty: the whole channel
            state      text NOT NULL,           -- subscribed, unsubscribed, pending, unknown
            at         timestamptz NOT NULL,
            evidence   bytea NOT NULL,          -- JSON: what was stated, with source, text_id, ip, … as given
            PRIMARY KEY (profile_id, channel, topic)
        )""")


def _entries() -> None:
    op.execute(f"""
        CREATE TABLE engine.entries (
            id         uuid PRIMARY KEY,
            profile_id uuid NOT NULL,
            journey    text NOT NULL,
            revision   int NOT NULL,
            key        text NOT NULL,
            entered_at timestamptz NOT NULL,
            step       text,                    -- where it stands, or stood when it ended
            ended_at   timestamptz,
            reason     text,
            held_out   boolean,                 -- whether a holdout kept it silent; NULL where there was none
            goal_at    timestamptz,             -- source time; the first, where it was reached again
            goal_key   uuid,                    -- what reached it: ids.bought of an order, else the event
            goal_amount bigint,                 -- of an order: its total, in ten-thousandths
            goal_currency text,
            arms       text,                    -- how draws fell, a line each: `policies.holdout=told`, `step=way`
            trace      bytea NOT NULL DEFAULT ''  -- JSON lines of journeys.reaction.Walked
        ) WITH (fillfactor = 80, {BUSY})""")
    op.execute("CREATE INDEX entries_profile ON engine.entries (profile_id, journey)")
    # Who is inside a revision: what a published change looks for.
    op.execute("CREATE INDEX entries_live ON engine.entries (journey, revision, profile_id) WHERE ended_at IS NULL")
    # Reports ask for the entries of some days; rows come in the order of their times, and BRIN costs writes nothing.
    op.execute("CREATE INDEX entries_entered ON engine.entries USING brin (entered_at) WITH (autosummarize = on)")


def _timers() -> None:
    op.execute(f"""
        CREATE TABLE engine.timers (
            id         uuid PRIMARY KEY,        -- the entry's id, or that of the derived event's timer
            profile_id uuid NOT NULL,
            due        timestamptz NOT NULL,    -- marketing time
            generation int NOT NULL,
            shard      smallint GENERATED ALWAYS AS (get_byte(uuid_send(profile_id), 15) % 12) STORED,
            paused     text,                    -- the journey whose pause it waits for, although it is due
            trial      uuid                     -- the trial that holds the entry back until it is decided
        ) WITH (fillfactor = 90, {BUSY})""")
    op.execute("CREATE INDEX timers_due ON engine.timers (shard, due) WHERE paused IS NULL")
    op.execute("CREATE INDEX timers_paused ON engine.timers (paused, due) WHERE paused IS NOT NULL")
    op.execute("CREATE INDEX timers_trial ON engine.timers (trial, id) WHERE trial IS NOT NULL")
    op.execute("CREATE INDEX timers_profile ON engine.timers (profile_id)")
    op.execute("""
        CREATE TABLE engine.parked (
            id         uuid PRIMARY KEY,        -- the timer's
            profile_id uuid NOT NULL,
            due        timestamptz NOT NULL,
            generation int NOT NULL,
            reason     text NOT NULL,
            parked_at  timestamptz NOT NULL
        )""")


def _trials() -> None:
    op.execute("""
        CREATE TABLE engine.trials (
            id         uuid PRIMARY KEY,        -- contracts.ids.trial of the next four
            journey    text NOT NULL,
            revision   int NOT NULL,
            step       text NOT NULL,
            occurrence text NOT NULL,           -- of a schedule; else empty
            begun_at   timestamptz NOT NULL,    -- marketing time, as decided_at
            decided_at timestamptz,
            winner     text,                    -- the way; NULL until it is decided, and never changed
            why        text                     -- what was counted when it was decided
        )""")
    op.execute("""
        CREATE TABLE engine.trial_arms (
            trial uuid NOT NULL,
            arm   text NOT NULL,
            tried bigint NOT NULL,
            won   bigint NOT NULL,
            PRIMARY KEY (trial, arm)
        ) WITH (fillfactor = 50)""")


def _products() -> None:
    op.execute("""
        CREATE TABLE engine.products (
            catalogue  text COLLATE "C" NOT NULL,   -- empty, or the source that speaks of products of its own
            product_id text COLLATE "C" NOT NULL,
            state      bytea NOT NULL,          -- MessagePack of products.known.Known; empty while it is made
            PRIMARY KEY (catalogue, product_id)
        )""")
    op.execute(f"""
        CREATE TABLE engine.interests (
            catalogue  text COLLATE "C" NOT NULL,
            product_id text COLLATE "C" NOT NULL,
            kind       smallint NOT NULL,       -- products.interest.Interest
            profile_id uuid NOT NULL,
            at         timestamptz NOT NULL,    -- source time: the first for who asked, else the last
            turn       timestamptz NOT NULL GENERATED ALWAYS AS (     -- products.interest.turn
                CASE kind WHEN 0 THEN at ELSE timestamptz '1970-01-01 00:00Z' END) STORED,
            PRIMARY KEY (profile_id, catalogue, product_id, kind)
        ) WITH (fillfactor = 80, {BUSY})""")
    # Without `at`: whoever looks at a product once more changes no index.
    op.execute("CREATE INDEX interests_in_turn ON engine.interests (catalogue, product_id, kind, turn, profile_id)")


def _crowds() -> None:
    op.execute("""
        CREATE TABLE engine.sweeps (
            name    text PRIMARY KEY,           -- what every customer is visited for: segments
            version int NOT NULL,               -- of the workspace
            digest  bytea NOT NULL,             -- of what decides
            cursor  uuid NOT NULL,              -- the last profile that was visited
            done    boolean NOT NULL
        )""")
    op.execute("""
        CREATE TABLE engine.fan_outs (
            id      uuid PRIMARY KEY,
            kind    text NOT NULL,              -- who it is for: KIND of a module of audiences/
            due_at  timestamptz NOT NULL,       -- marketing time
            payload bytea NOT NULL,             -- JSON of what is said, by kind
            cursor  bytea                       -- JSON: the last customer that was told, by kind; NULL before the first
        )""")
    op.execute("""
        CREATE TABLE engine.schedules (
            journey text PRIMARY KEY,
            version int NOT NULL,               -- of the workspace
            digest  bytea NOT NULL,             -- of what decides its times
            until   timestamptz NOT NULL        -- marketing time: up to here its times were looked at
        )""")
    op.execute("CREATE INDEX fan_outs_due ON engine.fan_outs (due_at, id)")


def _views() -> None:
    op.execute("CREATE VIEW engine.v_aliases AS SELECT old, new FROM engine.aliases")
    op.execute("CREATE VIEW engine.v_consent AS SELECT profile_id, channel, topic, state, at FROM engine.consents")
    for name, columns in VIEWS.items():
        op.execute(f"CREATE VIEW engine.v_{name} AS SELECT {columns} FROM engine.{name}")
