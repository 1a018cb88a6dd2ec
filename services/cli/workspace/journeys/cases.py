"""A test of a journey, as its file says it: what is known, what happens, and what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.contracts.receipt import State


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens. `data` names its customer, who is the given one unless the file says otherwise."""

    at: datetime
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What becomes of the newest message of a template or step: a receipt's kind and data."""

    at: datetime
    kind: str
    of: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """What the customer states on a page that the newest message of a template or step leads to.

    `lines` are those of the preference centre, by channel or `channel:topic`; without them the signup is confirmed.
    """

    at: datetime
    of: str
    lines: Mapping[str, State] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expected:
    """One line of `then`. `kind` is its telling word, `what` its value; `at` None is whenever; `where` its place."""

    kind: str
    what: Any
    where: str
    at: datetime | None = None
    via: str | None = None
    text: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()
    journey: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One test. `journeys` are those that take part, `facts` those of the shop's own that are given.

    `customer` is the given profile as an event's data names it; `arms` say which way splits fall, by step.
    """

    journey: str
    title: str
    where: str
    zone: str
    journeys: frozenset[str]
    start: datetime
    customer: Mapping[str, Any]
    facts: Mapping[str, Any]
    happened: tuple[Event, ...]
    when: tuple[Act, ...]
    then: tuple[Expected, ...]
    arms: Mapping[str, str] = field(default_factory=dict)
    held_out: bool = False
    until: datetime | None = None


Act = Event | Reply | Statement
