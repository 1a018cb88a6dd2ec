"""What one decision is made with, beside the customer's profile: passed whole through every layer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.reaction import Reaction


class Past(msgspec.Struct, gc=False):
    """An event already recorded, for an entering event that comes late."""

    type: str
    time: datetime
    fields: dict[str, Any]


class Turn(msgspec.Struct):
    """`now` is marketing time; `into` collects what follows. `past` holds recorded events of the customer that exits
    and goals listen to; `held` is set where a timer was held too long.
    """  # noqa: D205 -- one thought

    definitions: Definitions
    now: datetime
    into: Reaction
    past: Sequence[Past] = ()
    held: bool = False
