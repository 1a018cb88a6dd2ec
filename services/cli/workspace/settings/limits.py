"""`classes`, `quiet_hours`, `caps` and `brake` of `policies:` → the published document, and what cannot be meant."""

from __future__ import annotations

from typing import cast

from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.shapes.policies import HOLIDAYS, MOST_AT_MOST, WEEKDAYS
from services.contracts.message import Channel, MessageClass
from services.contracts.policies import Brake, Cap, QuietHours, Then, money

WITHOUT_CONSENT = ("transactional", "service")
_DAY = 24 * 60


def classes(row: Row | None, sheet: Sheet) -> dict[MessageClass, MessageClass]:
    """Which class counts as which other."""
    if row is None:
        return {}
    if row.text("marketing", "marketing") in WITHOUT_CONSENT:
        message, hint = "marketing without consent is not said", "give single sends the class they are of"
        sheet.error(row.at("marketing"), "bad-value", message, hint)
    return cast("dict[MessageClass, MessageClass]", dict(row.values))


def quiet_hours(row: Row | None, sheet: Sheet) -> dict[Channel, QuietHours]:
    """The quiet hours of each channel that has some."""
    if row is None:
        return {}
    found = {channel: _quiet(row, channel, sheet) for channel in row.values}
    return {cast("Channel", channel): quiet for channel, quiet in found.items() if quiet is not None}


def _quiet(row: Row, channel: str, sheet: Sheet) -> QuietHours | None:
    written = row.row(channel)
    text = row.text(channel) if written is None else written.text("hours")
    if not text or text == "none":
        return None
    start, end = (_minute(part) for part in text.split("-"))
    at = row.at(channel) if written is None else written.at("hours")
    if start == end:
        message = "these hours are the whole day: nothing would ever be said"
        sheet.error(at, "never-said", message, "write instead: 20:00-09:00, or none")
    elif (end - start) % _DAY > _DAY - 60:
        message = "less than an hour of the day is left to say everything in"
        sheet.warning(at, "never-said", message, "write from when until when it is quiet, such as 20:00-09:00")
    if written is None:
        return QuietHours(start, end)
    also = written.texts("also")
    days = tuple(n for n, name in enumerate(WEEKDAYS) if name in also)
    if len(days) == len(WEEKDAYS):
        message = "all seven days are quiet: nothing would ever be said"
        sheet.error(written.at("also"), "never-said", message, "leave out the days on which it may be said")
    rest = {"classes": cast("tuple[MessageClass, ...]", written.texts("classes"))} if "classes" in written else {}
    return QuietHours(start, end, days, HOLIDAYS in also, cast("Then", written.text("then", "wait")), **rest)


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return (int(hour) * 60 + int(minute)) % _DAY


def cap(row: Row, sheet: Sheet) -> Cap:
    """One cap."""
    at_most, per = row.number("at_most"), row.number("per")
    if at_most is not None and at_most > MOST_AT_MOST:
        hint = "write 100 or less, or a shorter `per`"
        sheet.error(row.at("at_most"), "bad-value", f"a cap counts up to {MOST_AT_MOST} messages", hint)
    then = cast("Then", row.text("then", "wait"))
    if at_most == 0:
        message = "what this cap counts is never said"
        hint = "raise at_most, or leave such steps out of the journeys"
        sheet.warning(row.at("at_most"), "never-said", message, hint)
    return Cap(
        at_most=int(at_most or 0),
        per=per or 0.0,
        channel=cast("Channel | None", row.maybe("channel")),
        klass=cast("MessageClass | None", row.maybe("class")),
        topic=row.maybe("topic"),
        then=then,
    )


def brake(row: Row | None) -> Brake | None:
    """When to pause by itself; None for never."""
    if row is None or not row.values:
        return None
    sends, cost = row.number("per_journey_and_hour"), row.text("sms_cost_per_day")
    rest = {"classes": cast("tuple[MessageClass, ...]", row.texts("classes"))} if "classes" in row else {}
    return Brake(None if sends is None else int(sends), money(cost) if cost else None, **rest)
