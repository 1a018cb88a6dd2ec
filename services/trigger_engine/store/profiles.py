"""`engine.identifiers`, `profiles`, `aliases` and `consents`: who is who, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from services.kit.database.arrays import id_array, number_array, text_array
from services.kit.database.pool import Connection
from services.trigger_engine.profiles.state import Consent, Identifier, Profile, dump, load

FIND = """
    SELECT i.kind, i.source, i.value, i.profile_id
    FROM unnest($1::text::text[], $2::text::text[], $3::text::text[]) AS w (kind, source, value)
    JOIN engine.identifiers i USING (kind, source, value)"""
CLAIM = """
    INSERT INTO engine.identifiers (kind, source, value, profile_id)
    SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::uuid[])
    ON CONFLICT DO NOTHING
    RETURNING kind, source, value"""
MOVE = """
    UPDATE engine.identifiers i SET profile_id = w.profile_id
    FROM unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::uuid[])
        AS w (kind, source, value, profile_id)
    WHERE (i.kind, i.source, i.value) = (w.kind, w.source, w.value)"""
FORGET = """
    DELETE FROM engine.identifiers i
    USING unnest($1::text::text[], $2::text::text[], $3::text::text[]) AS w (kind, source, value)
    WHERE (i.kind, i.source, i.value) = (w.kind, w.source, w.value)"""
LOCK = """
    SELECT p.id, p.version, CASE WHEN p.version = w.version THEN NULL ELSE p.state END
    FROM unnest($1::text::uuid[], $2::text::int[]) AS w (id, version)
    JOIN engine.profiles p ON p.id = w.id
    ORDER BY p.id FOR UPDATE OF p"""
UPDATE = """
    UPDATE engine.profiles p SET version = p.version + 1, state = w.state
    FROM unnest($1::text::uuid[], $2::bytea[]) AS w (id, state)
    WHERE p.id = w.id"""
CONSENT = """
    INSERT INTO engine.consents AS c (profile_id, channel, topic, state, at, evidence)
    SELECT * FROM unnest($1::text::uuid[], $2::text::text[], $3::text::text[], $4::text::text[],
                         $5::timestamptz[], $6::bytea[])
    ON CONFLICT (profile_id, channel, topic) DO UPDATE
        SET state = excluded.state, at = excluded.at,
            evidence = CASE WHEN excluded.evidence = '' THEN c.evidence ELSE excluded.evidence END"""
INHERIT = """
    INSERT INTO engine.consents AS c (profile_id, channel, topic, state, at, evidence)
    SELECT DISTINCT ON (w.new, o.channel, o.topic) w.new, o.channel, o.topic, o.state, o.at, o.evidence
    FROM engine.consents o JOIN unnest($1::uuid[], $2::uuid[]) AS w (old, new) ON o.profile_id = w.old
    ORDER BY w.new, o.channel, o.topic, o.state = 'unsubscribed' DESC, o.at DESC
    ON CONFLICT (profile_id, channel, topic) DO UPDATE
        SET state = excluded.state, at = excluded.at, evidence = excluded.evidence
        WHERE excluded.state = 'unsubscribed' AND c.state <> 'unsubscribed'"""


def _columns(identifiers: Iterable[Identifier]) -> tuple[str, ...]:
    return tuple(text_array(column) for column in zip(*identifiers, strict=True))


async def find(connection: Connection, identifiers: Iterable[Identifier]) -> dict[Identifier, bytes]:
    """The profile of each identifier that is known."""
    columns = _columns(identifiers)
    if not columns:
        return {}
    return {Identifier(r[0], r[1], r[2]): r[3] for r in await connection.fetch(FIND, *columns)}


async def claim(connection: Connection, owners: Mapping[Identifier, bytes]) -> set[Identifier]:
    """Take new identifiers, sorted, before any profile is locked. Returns those that another transaction took first."""
    if not owners:
        return set()
    wanted = sorted(owners)
    rows = await connection.fetch(CLAIM, *_columns(wanted), id_array(owners[i] for i in wanted))
    return set(wanted) - {Identifier(*row) for row in rows}


async def move(connection: Connection, owners: Mapping[Identifier, bytes]) -> None:
    """Give identifiers to other profiles, all of which this transaction has locked."""
    if owners:
        await connection.execute(MOVE, *_columns(owners), id_array(owners.values()))


async def forget(connection: Connection, identifiers: Iterable[Identifier]) -> None:
    """Let identifiers go whose profiles this transaction has locked: they are nobody's from now on."""
    columns = _columns(identifiers)
    if columns:
        await connection.execute(FORGET, *columns)


async def lock(connection: Connection, cached: Mapping[bytes, Profile | None]) -> dict[bytes, Profile]:
    """Lock these profiles in the order of their ids; a cached state is taken where its version is still the row's."""
    if not cached:
        return {}
    known = number_array(-1 if profile is None else profile.version for profile in cached.values())
    rows = await connection.fetch(LOCK, id_array(cached), known)
    found = {}
    for profile_id, version, state in rows:
        profile = cached[profile_id] if state is None else load(state, version)
        assert profile is not None  # noqa: S101 -- a state is left out only where one is cached
        found[profile_id] = profile
    return found


async def insert(connection: Connection, profiles: Sequence[Profile]) -> None:
    """Store profiles that are new."""
    if profiles:
        await connection.copy_records_to_table(
            "profiles",
            schema_name="engine",
            columns=("id", "version", "state"),
            records=[(p.id, p.version, dump(p)) for p in profiles],
        )


async def update(connection: Connection, profiles: Sequence[Profile]) -> None:
    """Store profiles that have changed; their rows are locked, and their versions go up by one."""
    if profiles:
        await connection.execute(UPDATE, id_array(p.id for p in profiles), [dump(p) for p in profiles])
    for profile in profiles:
        profile.version += 1


async def alias(connection: Connection, merged: Mapping[bytes, bytes]) -> None:
    """Record which profile became which, and let the old rows go."""
    if not merged:
        return
    old, new = list(merged), list(merged.values())
    await connection.execute(
        "UPDATE engine.aliases a SET new = w.new FROM unnest($1::uuid[], $2::uuid[]) AS w (old, new)"
        " WHERE a.new = w.old",
        old,
        new,
    )
    await connection.execute(
        "INSERT INTO engine.aliases (old, new) SELECT * FROM unnest($1::uuid[], $2::uuid[])", old, new
    )
    await connection.execute(INHERIT, old, new)
    await connection.execute("DELETE FROM engine.consents WHERE profile_id = ANY($1)", old)
    await connection.execute("DELETE FROM engine.profiles WHERE id = ANY($1)", old)


async def consent(connection: Connection, changed: Sequence[tuple[bytes, str, Consent, bytes]]) -> None:
    """Store consents by (profile, channel or channel:topic); what a claim reads through `engine.v_consent`.

    Empty evidence keeps that of the row.
    """
    if not changed:
        return
    names = [name.partition(":") for _, name, _, _ in changed]
    await connection.execute(
        CONSENT,
        id_array(profile for profile, _, _, _ in changed),
        text_array(channel for channel, _, _ in names),
        text_array(topic for _, _, topic in names),
        text_array(c.state for _, _, c, _ in changed),
        [c.at for _, _, c, _ in changed],
        [evidence for _, _, _, evidence in changed],
    )
