"""What is read to find out whether an event enters a journey: known before any event comes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any, TypedDict

import msgspec

from services.contracts.journey import Journey
from services.contracts.reasons import Reason
from services.contracts.schedule import DUE
from services.trigger_engine.journeys.conditions import Condition, Environment, any_holds
from services.trigger_engine.journeys.reaction import Note

Path = tuple[str, ...]
Sees = Callable[[Environment], dict[str, Any]]
Reader = msgspec.json.Decoder[dict[str, Any]]
ALL = "*"


class Asking(msgspec.Struct, frozen=True):
    """Of one journey.

    `reads` are the paths that its condition and key read, `calls` whether they call functions over a window. `about` is
    the field of the event that names a journey: the one it is for (schedules), or whose message it is about (receipts);
    empty where none does. `refusal` is what is noted where the condition does not hold and has seen nothing beside the
    event.
    """

    reads: frozenset[Path]
    calls: bool
    about: str
    max_age: timedelta
    refusal: Note


class Entrance(msgspec.Struct, frozen=True):
    """Of all journeys that one type of event may enter.

    `event` tells whether they read the event as they are asked, `facts` what they read of the customer (`whole`: any),
    `more` whether they read anything else. `reader` decodes no more of the event than is read until it has entered;
    None where that is the whole. `opens` tells whether any of their conditions holds; None where it depends on more
    than conditions, of which each is then asked. `refusals` are noted where none does, `sees` what each has seen then.
    """

    event: bool
    facts: tuple[str, ...]
    whole: bool
    more: bool
    reader: Reader | None
    opens: Callable[[Environment], bool] | None
    refusals: tuple[Note, ...]
    sees: tuple[Sees | None, ...]


def asking(journey: Journey, asked: Collection[Condition | None]) -> Asking:
    """What a journey reads whose condition and key are `asked`."""
    conditions = [condition for condition in asked if condition is not None]
    on = journey.enter.on
    return Asking(
        reads=frozenset(path for condition in conditions for path in condition.reads),
        calls=any(condition.calls for condition in conditions),
        about="schedule" if on == DUE else "message" if on.startswith("message.") else "",
        max_age=timedelta(seconds=journey.enter.max_age),
        refusal=Note(journey.name, Reason.CONDITION_FALSE),
    )


def entrance(several: Collection[Asking], conditions: Sequence[Condition | None], kept: Iterable[Path]) -> Entrance:
    """What journeys of these `conditions` read, whose entries keep `kept` of the event."""
    reads = {path for one in several for path in one.reads}
    facts = profile_facts(reads)
    of_event = {path[1:] for path in reads if path[0] == "event"}
    return Entrance(
        event=bool(of_event),
        facts=tuple(sorted(facts)),
        whole=ALL in facts,
        more=any(one.calls for one in several) or any(path[0] not in ("event", "profile") for path in reads),
        reader=_reader(of_event.union(kept)),
        opens=None if None in conditions or any(one.about for one in several) else any_holds(filter(None, conditions)),
        refusals=tuple(one.refusal for one in several),
        sees=tuple(None if condition is None else condition.sees for condition in conditions),
    )


def profile_facts(reads: Iterable[Path]) -> frozenset[str]:
    """The facts of `profile` that these paths read; ALL where the whole of it is read."""
    return frozenset(path[1] if len(path) > 1 else ALL for path in reads if path[0] == "profile")


def _reader(paths: Collection[Path]) -> Reader | None:
    """What decodes of an event no more than the fields in which these paths begin. None where a path is all of it."""
    if () in paths:
        return None
    kind = TypedDict("kind", {path[0]: Any for path in paths}, total=False)  # type: ignore[misc] # its names are data
    return msgspec.json.Decoder(kind)
