"""What an audience answers: the next few customers of a fan-out, and what each of them is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.trigger_engine.profiles.telling import Told


class Part(NamedTuple):
    """The next customers. `looked` is how many were looked at; `cursor` where it stands then, None at the end.

    `due_at` is when it goes on; None leaves the row's.
    """

    told: Sequence[Told]
    looked: int
    cursor: Any
    due_at: datetime | None = None
