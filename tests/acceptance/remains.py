"""Where a word can still be read: a search that knows no table and no topic of ours, and shares no code with ours."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence

import asyncpg

from tests.acceptance.installation import Installation

_TABLES = """
    SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"""


async def readable(wici: Installation, words: Sequence[str]) -> Counter[str]:
    """How many rows of which table, and lines of which process's log, have one of these words in them."""
    forms = [form for word in words for form in _forms(word)]
    found: Counter[str] = Counter()
    connection = await asyncpg.connect(wici.environ["WICI_DATABASE_URL"])
    try:
        for row in await connection.fetch(_TABLES):
            rows = await connection.fetch(f"SELECT t::text AS whole FROM {row['name']} t")
            found[row["name"]] += sum(_has(one["whole"], forms) for one in rows)
    finally:
        await connection.close()
    for log in wici.folder.glob("*.log"):
        found[log.name] += sum(_has(line, forms) for line in log.read_text().splitlines())
    return +found


def _has(text: str, forms: Sequence[str]) -> bool:
    small = text.lower()
    return any(form in small for form in forms)


def _forms(word: str) -> list[str]:
    """A word in a row's text: plain, in the hex that bytes are shown in, and in base64, plain and in hex."""
    coded = [base64.b64encode(b"\0" * before + word.encode())[(0, 2, 3)[before] : -4] for before in range(3)]
    whole = [word, word.encode().hex(), word.encode("unicode_escape").decode()]
    return [form.lower() for form in (*whole, *(one.decode() for one in coded), *(one.hex() for one in coded))]
