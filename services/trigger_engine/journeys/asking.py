"""What is read to find out whether an event enters a journey: known before any event comes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any, TypedDict

import msgspec

from services.contracts.journey import Journey
from services.contracts.reasons import Reason
from services.contracts.schedule import DUE
from services.trigger_engine.journeys.conditions import Condition
from services.trigger_engine.journeys.reaction import Note

Path = tuple[str, ...]
Reader = msgspec.json.Decoder[dict[str, Any]]
ALL = "*"


class Asking(msgspec.Struct, frozen=True):
    """Of one journey.

    `facts` are those of the customer that its condition and key read, `whole` is set where that is the whole of him;
    `event` are the paths of the event, and `more` tells whether anything else is read. `about` is the field of the
    event that names a journey: the one it is for (schedules), or whose message it is about (receipts); empty where none
    does. `refusal` is what is noted where the condition does not hold and has seen nothing beside the event.
    """

    facts: tuple[str, ...]
    whole: bool
    more: bool
    event: frozenset[Path]
    about: str
    max_age: timedelta
    refusal: Note


def asking(journey: Journey, asked: Collection[Condition | None]) -> Asking:
    """What a journey reads whose condition and key are `asked`."""
    reads = {path for condition in asked if condition is not None for path in condition.reads}
    calls = any(condition.calls for condition in asked if condition is not None)
    facts, on = profile_facts(reads), journey.enter.on
    return Asking(
        facts=tuple(sorted(facts)),
        whole=ALL in facts,
        more=calls or any(path[0] not in ("event", "profile") for path in reads),
        event=frozenset(path[1:] for path in reads if path[0] == "event"),
        about="schedule" if on == DUE else "message" if on.startswith("message.") else "",
        max_age=timedelta(seconds=journey.enter.max_age),
        refusal=Note(journey.name, Reason.CONDITION_FALSE),
    )


def profile_facts(reads: Iterable[Path]) -> frozenset[str]:
    """The facts of `profile` that these paths read; ALL where the whole of it is read."""
    return frozenset(path[1] if len(path) > 1 else ALL for path in reads if path[0] == "profile")


def reader(paths: Collection[Path]) -> Reader | None:
    """What decodes of an event no more than the fields in which these paths begin. None where a path is all of it."""
    if () in paths:
        return None
    kind = TypedDict("kind", {path[0]: Any for path in paths}, total=False)  # type: ignore[misc] # its names are data
    return msgspec.json.Decoder(kind)
