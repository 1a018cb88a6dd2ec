"""`wici report`: what journeys were good for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

import msgspec

from services.cli.connect import connection, database
from services.cli.terminal import Answer, table
from services.insights.report.model import Arm, Attribution, JourneyReport, Lift, Messages, Report, Way
from services.insights.report.reading import Wanted, report
from services.insights.report.statistics import Interval
from services.kit.errors import Misconfigured
from services.kit.settings import Settings

_COUNTS = tuple(name for name in Messages.__struct_fields__ if name not in {"step", "channel"})
_ALWAYS = ("sent", "delivered", "opened", "clicked")


async def tell(settings: Settings, journey: str | None, since: str | None, until: str | None, model: str) -> Answer:
    """The report on a journey or on all, of what was entered in these days."""
    wanted = Wanted(journey, since, until, _model(model))
    with database(settings) as found:
        async with connection(found) as opened:
            told = await report(opened, wanted)
    return Answer("\n".join(_text(told)).rstrip(), msgspec.to_builtins(told))


def _model(text: str) -> Attribution:
    found = next((one for one in get_args(Attribution) if one == text), None)
    if found is None:
        raise Misconfigured(f"There is no attribution {text!r}. Write one of {', '.join(get_args(Attribution))}.")
    return found  # type: ignore[no-any-return]


def _text(told: Report) -> Iterator[str]:
    between = [f"from {told.since:%Y-%m-%d %H:%M}"] if told.since else []
    between += [f"until {told.until:%Y-%m-%d %H:%M}"] if told.until else []
    yield f"What was entered {' '.join(between) or 'ever'}, and what has become of it."
    yield f"Attribution: {told.attribution.replace('_', ' ')}. Intervals are those of 95 %."
    for one in told.journeys:
        if one.entered:
            yield ""
            yield one.journey
            yield from (f"  {line}" for line in _journey(one, told))
    if idle := [one.journey for one in told.journeys if not one.entered]:
        yield ""
        yield f"Nobody entered: {', '.join(idle)}."
    if told.global_holdout:
        yield ""
        yield "all journeys, against policies.holdout"
        yield from (f"  {line}" for line in _arms(told.global_holdout.arms, told.currency))
        yield from (f"  {line}" for line in _lifts(told.global_holdout.lift))
        yield from (f"  {note}" for note in told.global_holdout.notes)


def _journey(one: JourneyReport, told: Report) -> Iterator[str]:
    held = f", held out {one.held_out} by its holdout and {one.held_out_globally} by policies.holdout"
    yield f"entered {one.entered}" + (held if one.held_out or one.held_out_globally else "") + f"; goals {one.goals}"
    yield from _arms(one.arms, told.currency)
    yield from _lifts(one.lift)
    yield from _messages(one.messages)
    yield from _ways(one.splits)
    for credit in one.attributed:
        worth = f", {credit.revenue} {credit.currency}" if credit.currency else ""
        model = told.attribution.replace("_", " ")
        yield f"attributed by {model}, within {one.window / 86_400:g} days of a message: {credit.goals:g} goals{worth}"
    yield from one.notes


def _arms(arms: Sequence[Arm], currency: str) -> Iterator[str]:
    rows = [
        (
            arm.arm.replace("_", " "), arm.entries, arm.customers, arm.converted, *_rate(arm.rate, arm.interval),
            arm.revenue, arm.revenue_per_customer,
        )
        for arm in arms
    ]  # fmt: skip
    head = ("arm", "entries", "customers", "reached the goal", "rate", "interval", currency, "per customer")
    if rows:
        yield from table(rows, head).splitlines()


def _rate(rate: float, interval: Interval | None) -> tuple[str, str]:
    between = f"{interval.low:.1%} to {interval.high:.1%}" if interval else ""
    return f"{rate:.1%}", between


def _lifts(lifts: Sequence[Lift]) -> Iterator[str]:
    for one in lifts:
        yield f"{one.of}, told against {one.held_out.replace('_', ' ')}: {one.said} ({one.method})"


def _messages(messages: Sequence[Messages]) -> Iterator[str]:
    """A column of counts stands where there is something to count."""
    shown = [name for name in _COUNTS if name in _ALWAYS or any(getattr(one, name) for one in messages)]
    if messages:
        rows = [(one.step, one.channel, *(getattr(one, name) for name in shown)) for one in messages]
        yield from table(rows, ["step", "channel", *(name.replace("_", " ") for name in shown)]).splitlines()


def _ways(ways: Sequence[Way]) -> Iterator[str]:
    if ways:
        rows = [(one.step, one.arm, one.customers, one.converted, *_rate(one.rate, one.interval)) for one in ways]
        yield from table(rows, ("split", "way", "customers", "reached the goal", "rate", "interval")).splitlines()
