"""Long arrays as text: `$1::text::uuid[]` where asyncpg would take a list.

Of each element of a list asyncpg asks two abstract classes whether it is a list itself. That is 5,600 instructions,
more than all else that the element costs the client, and several times what reading text costs the server instead.
"""

from __future__ import annotations

from collections.abc import Iterable

_NULL = "NULL"


def id_array(ids: Iterable[bytes | None]) -> str:
    """A `uuid[]` of ids."""
    return "{" + ",".join([_NULL if one is None else one.hex() for one in ids]) + "}"


def number_array(numbers: Iterable[int]) -> str:
    """An `int[]` or `smallint[]`."""
    return "{" + ",".join([str(int(one)) for one in numbers]) + "}"


def text_array(texts: Iterable[str | None]) -> str:
    """A `text[]`, whatever is in the texts."""
    return "{" + ",".join([_NULL if one is None else _quoted(one) for one in texts]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
