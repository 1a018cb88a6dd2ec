"""Every table is in the list that says what becomes of a person's rows in it."""

from __future__ import annotations

import asyncpg

from services.cli.customers.tables import TABLES

_COLUMNS = """
    SELECT c.table_schema || '.' || c.table_name AS name, array_agg(c.column_name::text) AS columns
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE t.table_type = 'BASE TABLE' AND c.table_schema NOT IN ('pg_catalog', 'information_schema')
      AND c.table_name NOT LIKE 'events\\_%' AND c.table_name <> 'alembic_version'
    GROUP BY 1"""


async def test_no_table_is_forgotten_when_a_customer_is_erased(database_url: str) -> None:
    """Say in services/cli/customers/tables.py what becomes of a new one, and erase it where it holds personal data."""
    connection = await asyncpg.connect(database_url)
    try:
        tables = {row["name"]: set(row["columns"]) for row in await connection.fetch(_COLUMNS)}
    finally:
        await connection.close()
    assert tables.keys() == TABLES.keys()
    assert {name for name, table in TABLES.items() if table.by and table.by not in tables[name]} == set()
    personal = {name for name, columns in tables.items() if columns & {"profile_id", "recipient", "address"}}
    assert {name for name in personal if TABLES[name].fate == "kept"} == {"notifier.suppressions"}
