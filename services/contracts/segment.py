"""A segment as it is published: customers for whom a condition holds."""

from __future__ import annotations

import msgspec


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """`condition` is about the customer alone; `leave_after` (seconds) is how long it must not have held to end it.

    `tag` is borne by its members. `push_to_shop` is kept, and not applied yet.
    """

    name: str
    condition: str
    title: str = ""
    tag: str | None = None
    leave_after: float = 0.0
    push_to_shop: bool = False
