"""A journey as it is published: YAML checked, short forms spelled out, every step with its id.

The published document is JSON in `workspace.journeys`; conditions stay text and are compiled by the trigger engine.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from services.contracts.message import Channel, MessageClass


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event type, and a condition on `received` (and `event`, `profile`) that must hold."""

    on: str
    condition: str | None = None


class Enter(msgspec.Struct, frozen=True, omit_defaults=True):
    """What enters: an event. `key` names the live entry (default: the customer).

    `again_after` is in seconds (None: never, 0: always); `max_age` in seconds: an older event enters nothing.
    """

    on: str
    condition: str | None = None
    key: str | None = None
    again_after: float | None = None
    max_age: float = 86_400.0


class Goal(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the journey is for. Reaching it ends the entry unless `stay`; `within` is in seconds from the entry."""

    on: str
    condition: str | None = None
    within: float | None = None
    stay: bool = False


class Send(msgspec.Struct, frozen=True, tag="send", tag_field="kind", omit_defaults=True):
    """Say `template` over the first allowed and reachable channel of `via`, or over all of them."""

    id: str
    template: str
    via: tuple[Channel, ...]
    every: bool = False
    otherwise: Literal["skip", "exit"] = "skip"
    klass: MessageClass | None = None
    on_unknown: Literal["settle", "retry"] = "settle"


class Wait(msgspec.Struct, frozen=True, tag="wait", tag_field="kind", omit_defaults=True):
    """Wait `amount` of `unit`. Days and weeks are calendar days in the customer's zone; shorter units are exact."""

    id: str
    amount: float
    unit: Literal["seconds", "minutes", "hours", "days", "weeks"]


class Arm(msgspec.Struct, frozen=True, omit_defaults=True):
    """One way of a branch; without a condition it is the else."""

    do: tuple[Step, ...]
    condition: str | None = None


class Branch(msgspec.Struct, frozen=True, tag="branch", tag_field="kind", omit_defaults=True):
    """Go the way of the first arm whose condition holds; none: go on after the branch."""

    id: str
    arms: tuple[Arm, ...]


class Stop(msgspec.Struct, frozen=True, tag="stop", tag_field="kind", omit_defaults=True):
    """End the entry here."""

    id: str


Step = Send | Wait | Branch | Stop


class Journey(msgspec.Struct, frozen=True, omit_defaults=True):
    """One journey. `revision` counts the published versions of its graph, from 1; an entry pins the one it entered."""

    name: str
    enter: Enter
    steps: tuple[Step, ...]
    revision: int = 0
    title: str = ""
    about: str = ""
    owner: str = ""
    klass: MessageClass = "marketing"
    topic: str | None = None
    goals: tuple[Goal, ...] = ()
    exits: tuple[Rule, ...] = ()
    late: Literal["drop", "recheck", "send"] = "recheck"
    max_lateness: float = 7_200.0
