"""The SQL of the report. Each statement goes once over what was entered in the days asked for.

$1 and $2 bound `entered_at` (NULL: not at all), $3 names journeys (NULL: all).
"""

from __future__ import annotations

from services.contracts.message import SETTLED, State
from services.contracts.reasons import Reason

_PERIOD = "($1::timestamptz IS NULL OR e.entered_at >= $1) AND ($2::timestamptz IS NULL OR e.entered_at < $2)"
_MINE = f"{_PERIOD} AND ($3::text[] IS NULL OR e.journey = ANY($3))"

# The newest revision of each journey that was ever published.
JOURNEYS = "SELECT DISTINCT ON (name) document FROM workspace.journeys ORDER BY name, revision DESC"

# An order that reaches the goal of several entries of one customer is bought once. $4 is the shop's currency. Who has
# entries in more than one of the arms that are compared (two profiles became one) is counted in none of them.
_PEOPLE = """
    per AS (
        SELECT {by} profile_id, arm, count(*) AS entries, count(goal_at) AS goals FROM entered
        GROUP BY {by} profile_id, arm),
    spent AS (
        SELECT {by} profile_id, arm, sum(amount) / 10000.0 AS amount FROM (
            SELECT DISTINCT ON ({by} profile_id, arm, goal_key) {by} profile_id, arm, goal_amount AS amount
            FROM entered WHERE goal_amount IS NOT NULL AND goal_currency = $4
            ORDER BY {by} profile_id, arm, goal_key, goal_at) bought
        GROUP BY {by} profile_id, arm),
    people AS (
        SELECT {by} arm, entries, goals, coalesce(amount, 0) AS amount,
            arm <> 'no_holdout'
                AND count(*) FILTER (WHERE arm <> 'no_holdout') OVER (PARTITION BY {by} profile_id) > 1 AS mixed
        FROM per LEFT JOIN spent USING ({by} profile_id, arm))
    SELECT {by} arm, sum(entries)::bigint AS entries, sum(goals)::bigint AS goals,
        count(*) FILTER (WHERE NOT mixed) AS customers, count(*) FILTER (WHERE mixed) AS mixed,
        count(*) FILTER (WHERE NOT mixed AND goals > 0) AS converted,
        coalesce(sum(amount) FILTER (WHERE NOT mixed), 0) AS revenue,
        coalesce(avg(amount) FILTER (WHERE NOT mixed), 0)::float8 AS mean,
        coalesce(var_samp(amount) FILTER (WHERE NOT mixed), 0)::float8 AS variance
    FROM people GROUP BY {by} arm"""

ARMS = f"""
    WITH entered AS (
        SELECT journey, profile_id, goal_at, goal_key, goal_amount, goal_currency,
            CASE WHEN held_out IS NULL THEN 'no_holdout' WHEN NOT held_out THEN 'told'
                WHEN reason = '{Reason.GLOBAL_HOLDOUT}' THEN 'held_out_globally' ELSE 'held_out' END AS arm
        FROM engine.v_entries e WHERE {_MINE}),
    {_PEOPLE.format(by="journey,")}"""

# $3 are the journeys that those held out can enter as well. Every entry says how the draw of the global holdout fell.
GLOBAL = f"""
    WITH entered AS (
        SELECT profile_id, goal_at, goal_key, goal_amount, goal_currency,
            CASE WHEN arms LIKE 'policies.holdout=held%' THEN 'held_out_globally' ELSE 'told' END AS arm
        FROM engine.v_entries e WHERE {_MINE} AND arms LIKE 'policies.holdout=%'),
    {_PEOPLE.format(by="")}"""

MESSAGES = f"""
    SELECT o.journey, o.step, o.channel, count(*) AS queued,
        count(*) FILTER (WHERE d.status NOT IN ('unknown', 'refused')) AS sent,
        count(*) FILTER (WHERE coalesce(d.delivered_at, d.opened_at, d.clicked_at) IS NOT NULL) AS delivered,
        count(*) FILTER (WHERE coalesce(d.opened_at, d.clicked_at) IS NOT NULL) AS opened,
        count(d.clicked_at) AS clicked,
        count(d.machine_opened_at) AS machine_opened, count(d.machine_clicked_at) AS machine_clicked,
        count(d.bounced_at) AS bounced, count(d.complained_at) AS complained, count(d.unsubscribed_at) AS unsubscribed,
        count(*) FILTER (WHERE d.status = 'refused') AS refused,
        count(*) FILTER (WHERE d.status = 'unknown') AS unknown,
        count(*) FILTER (WHERE o.state IN ({State.REVOKED}, {State.DROPPED}, {State.EXPIRED})) AS not_sent,
        count(*) FILTER (WHERE o.state < {SETTLED}) AS waiting
    FROM queue.outbound o
    JOIN engine.v_entries e ON e.id = o.entry_id AND {_MINE}
    LEFT JOIN notifier.v_deliveries d ON d.send_key = o.send_key
    WHERE $1::timestamptz IS NULL OR o.created_at >= $1
    GROUP BY o.journey, o.step, o.channel ORDER BY o.journey, min(o.seq)"""

# Materialized: how many lines a text has is guessed too high, and the entries would be read in the order of customers.
SPLITS = f"""
    WITH drawn AS MATERIALIZED (
        SELECT journey, profile_id, arms, goal_at IS NOT NULL AS converted FROM engine.v_entries e
        WHERE arms IS NOT NULL AND {_MINE}),
    went AS (
        SELECT journey, line, profile_id, bool_or(converted) AS converted
        FROM drawn CROSS JOIN LATERAL string_to_table(rtrim(arms, E'\\n'), E'\\n') AS line
        WHERE line NOT LIKE 'policies.holdout=%'
        GROUP BY journey, line, profile_id)
    SELECT journey, split_part(line, '=', 1) AS step, split_part(line, '=', 2) AS arm,
        count(*) AS customers, count(*) FILTER (WHERE converted) AS converted
    FROM went GROUP BY journey, line ORDER BY journey, line"""

# $4 and $5 are journeys and the seconds of their windows, $6 the model. All journeys compete for a goal, whenever they
# were entered; what is told is the credit of those asked for. composed_at is when a message was handed over.
CREDITS = f"""
    WITH touched AS (
        SELECT e.profile_id, e.goal_key, e.journey, e.goal_currency, max(e.goal_amount) AS amount,
            min(a.composed_at) AS first, max(a.composed_at) AS last, bool_or({_MINE}) AS asked
        FROM engine.v_entries e
        JOIN unnest($4::text[], $5::float8[]) AS w (journey, seconds) ON w.journey = e.journey
        JOIN queue.outbound o ON o.entry_id = e.id AND o.channel <> 'webhook'
        JOIN notifier.v_deliveries d ON d.send_key = o.send_key AND d.status NOT IN ('unknown', 'refused', 'bounced')
        JOIN notifier.v_attempts a ON a.id = o.attempt_id
        WHERE e.goal_at IS NOT NULL AND e.held_out IS NOT TRUE AND ($1::timestamptz IS NULL OR e.goal_at >= $1)
            AND a.composed_at <= e.goal_at AND a.composed_at >= e.goal_at - make_interval(secs => w.seconds)
        GROUP BY e.profile_id, e.goal_key, e.journey, e.goal_currency),
    credited AS (
        SELECT *, CASE $6
            WHEN 'last_touch' THEN (row_number() OVER (g ORDER BY last DESC, journey) = 1)::int::float8
            WHEN 'first_touch' THEN (row_number() OVER (g ORDER BY first, journey) = 1)::int::float8
            ELSE 1.0 / count(*) OVER g END AS credit
        FROM touched WINDOW g AS (PARTITION BY profile_id, goal_key))
    SELECT journey, goal_currency AS currency, sum(credit) AS goals,
        coalesce(sum(amount * credit::numeric), 0) / 10000.0 AS revenue
    FROM credited WHERE asked AND credit > 0 GROUP BY journey, goal_currency ORDER BY journey, goal_currency"""
