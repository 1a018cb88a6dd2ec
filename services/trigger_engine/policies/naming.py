"""Policies by name, as they are noted with each decision: tomorrow they may read otherwise."""

from __future__ import annotations

from services.contracts.message import Channel
from services.contracts.policies import Cap, QuietHours

UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))
DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


def cap(one: Cap) -> str:
    """A cap: how many in how long, and of what."""
    kinds = ", ".join(word for word in (one.channel, one.klass, one.topic) if word)
    return f"policies.caps: at most {one.at_most} in {span(one.per)}" + (f" ({kinds})" if kinds else "")


def quiet_hours(channel: Channel, hours: QuietHours) -> str:
    """The quiet hours of a channel."""
    daily = f"{hours.start // 60:02}:{hours.start % 60:02} to {hours.end // 60:02}:{hours.end % 60:02}"
    days = [DAYS[day] for day in hours.weekdays] + (["public holidays"] if hours.holidays else [])
    when = ", ".join(([daily] if hours.start != hours.end else []) + days)
    return f"policies.quiet_hours.{channel}, where the customer lives: {when}"


def span(seconds: float) -> str:
    """A duration as it is written in the files: `7 days`, `90 minutes`."""
    unit, size = next((one for one in UNITS if seconds % one[1] == 0), ("second", 1))
    number = int(seconds // size)
    return f"{number} {unit}" + ("s" if number != 1 else "")
