"""What a step decides on, and what it may decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.compiled import Compiled
from services.trigger_engine.journeys.trying import Trying
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.policies.timing import Held
from services.trigger_engine.profiles.state import Entry, Profile


class Situation(msgspec.Struct):
    """An entry at a step. `env` holds the names of conditions and templates."""

    profile: Profile
    entry: Entry
    compiled: Compiled
    turn: Turn
    env: dict[str, Any]


class Go(msgspec.Struct, frozen=True):
    """Go on to the step `to` (None: the end), saying `messages`; `skipped` names why something was not done.

    `learned` are facts of the profile and their values, `arm` the draw that was made and how it fell, `start` the
    journey to enter; `seen` is what led there, where there was a choice: the arm taken, and what the conditions read.
    `trying` is what is done to a trial.
    """

    to: str | None
    messages: tuple[Message, ...] = ()
    skipped: tuple[Reason | Held, ...] = ()
    learned: tuple[tuple[str, Any], ...] = ()
    arm: tuple[str, str] | None = None
    start: str | None = None
    seen: dict[str, Any] | None = None
    trying: Trying | None = None


class Sleep(msgspec.Struct, frozen=True):
    """Stay at this step until a moment of marketing time; `heard` is what a `wait_for` has heard so far, as bits.

    `reason` is given where policies make it wait, and `by` names them: the step is then decided again. So it is
    where a trial (`trying`) holds it back.
    """

    until: datetime
    heard: int = 0
    reason: Reason | None = None
    by: tuple[str, ...] = ()
    trying: Trying | None = None


class End(msgspec.Struct, frozen=True):
    """Leave the journey."""

    reason: Reason
    skipped: tuple[Reason | Held, ...] = ()


Decision = Go | Sleep | End
