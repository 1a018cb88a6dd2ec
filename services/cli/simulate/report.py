"""What came of it, for a program and for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from typing import Any

from services.cli.simulate.play import Play, Span
from services.cli.terminal import table
from services.contracts.message import CHANNELS, Message
from services.contracts.reasons import Reason
from services.contracts.workspace import Workspace
from services.trigger_engine.profiles.zones import customer_zone, shop_zone

_DAYS_OF_A_WEEK = 7


def as_json(play: Play, span: Span, workspace: Workspace, source: str) -> dict[str, Any]:
    """Every number; keys and rows are sorted, so that the same seed gives the same text."""
    flows = play.flows
    skipped = _by_step(play, "skipped")
    first_day = span.start.astimezone(shop_zone(workspace.settings.shop)).date()
    return {
        "source": source, "from": first_day.isoformat(), "days": span.days, "seed": span.seed,
        "events": play.events, "customers": len(play.world.profiles), "messages": len(play.said),
        "journeys": {
            name: {
                "entered": flow.entered, "completed": flow.completed, "still_inside": flow.inside.total(),
                "ended": _sum(flow.ended), "not_entered": _of(play.unheard, name),
            }
            for name, flow in sorted(flows.items())
        },
        "sent": _rows(_by_step(play, "sent"), "journey", "step", "channel"),
        "skipped": _rows(skipped, "journey", "step", "reason"),
        "delayed": _rows(_by_step(play, "delayed"), "journey", "step", "reason"),
        "cap_hits": sum(number for key, number in skipped.items() if key[2] == Reason.CAPPED.value),
        "per_customer_and_week": _weeks(play, span),
        "same_day": _rows(_pairs(play, workspace), "first", "second"),
        "kinds": dict(sorted(_kinds(play, workspace).items())),
    }  # fmt: skip


def _by_step(play: Play, what: str) -> Counter[tuple[str, ...]]:
    counts = {name: getattr(flow, what) for name, flow in play.flows.items()}
    return Counter({(name, *key): number for name, flow in counts.items() for key, number in flow.items()})


def _sum(ended: Counter[tuple[str, str]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (_, reason), number in ended.items():
        found[reason] += number
    return dict(sorted(found.items()))


def _of(unheard: Counter[tuple[str, str]], journey: str) -> dict[str, int]:
    return {reason: number for (name, reason), number in sorted(unheard.items()) if name == journey}


def _rows(counts: Counter[tuple[str, ...]], *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, key, strict=True), number=number) for key, number in sorted(counts.items())]


def _to_people(play: Play) -> Iterator[tuple[bytes, datetime, Message]]:
    """The messages that customers hear, under the profile that each has become."""
    for at, message in play.said:
        if message.channel in CHANNELS:
            profile = play.world.find(message.profile_id)
            yield profile.id if profile else message.profile_id, at, message


def _weeks(play: Play, span: Span) -> dict[str, Any]:
    """Messages to a customer in a week from the first day on; weeks in which nothing was said count apart."""
    counts = Counter((who, (at - span.start).days // _DAYS_OF_A_WEEK) for who, at, _ in _to_people(play))
    weeks = len(play.world.profiles) * -(-span.days // _DAYS_OF_A_WEEK)
    found = sorted(counts.values())
    return {
        "silent_weeks": max(0, weeks - len(found)), "weeks": len(found),
        "median": _at(found, 0.5), "p95": _at(found, 0.95), "most": _at(found, 1),
    }  # fmt: skip


def _at(found: list[int], share: float) -> int:
    """The nearest rank: the least number that is not below so many of them."""
    return found[max(0, -int(-len(found) * share // 1) - 1)] if found else 0


def _pairs(play: Play, workspace: Workspace) -> Counter[tuple[str, ...]]:
    """On how many days of a customer's (on his own clock) two journeys have both spoken to him."""
    days: dict[tuple[bytes, Any], set[str]] = {}
    shop = workspace.settings.shop
    for who, at, message in _to_people(play):
        profile = play.world.find(who)
        zone = customer_zone(profile, shop) if profile else shop_zone(shop)
        days.setdefault((who, at.astimezone(zone).date()), set()).add(message.journey)
    return Counter(pair for journeys in days.values() for pair in combinations(sorted(journeys), 2))


def _kinds(play: Play, workspace: Workspace) -> Counter[str]:
    """Messages by what their templates say they are: `kind: offer`, `content` or `service`."""
    found: Counter[str] = Counter()
    for _, _, message in _to_people(play):
        written = workspace.templates.get(message.template, {})
        found[next((one.kind for one in written.values() if one.kind), "unstated")] += 1
    return found


def text(data: dict[str, Any]) -> str:
    """The same for a person."""
    return "\n".join(_lines(data))


def _lines(data: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{data['events']:,} events of {data['customers']:,} customers ({data['source']}), "
        f"{data['days']} days from {data['from']}: {data['messages']:,} messages."
    )
    journeys = data["journeys"].items()
    rows: list[Any] = [(n, j["entered"], j["completed"], j["still_inside"], _words(j["ended"])) for n, j in journeys]
    yield from _table(rows, ("journey", "entered", "completed", "inside", "ended otherwise"))
    for what, last in (("sent", "channel"), ("skipped", "reason"), ("delayed", "reason")):
        rows = [(one["journey"], one["step"] or "(enter)", one[last], one["number"]) for one in data[what]]
        yield from _table(rows, (f"{what} by journey", "step", last, "number"))
    rows = [(name, _words(one["not_entered"])) for name, one in journeys if one["not_entered"]]
    yield from _table(rows, ("not entered", "events by reason"))
    pairs = sorted(data["same_day"], key=lambda one: (-one["number"], one["first"], one["second"]))
    rows = [(one["first"], one["second"], one["number"]) for one in pairs]
    yield from _table(rows, ("the same person on the same day", "and", "days"))
    week, kinds = data["per_customer_and_week"], data["kinds"]
    yield ""
    numbers = f"median {week['median']}, 95th percentile {week['p95']}, most {week['most']}"
    yield f"Messages to a customer in a week that has any: {numbers};"
    yield f"{week['silent_weeks']:,} of {week['silent_weeks'] + week['weeks']:,} customers' weeks are silent."
    yield f"Caps have stopped {data['cap_hits']:,}. Messages by kind: {_words(kinds) or 'none'}."
    yield "The customers' behaviour is invented: this exercises the journeys, and predicts nothing."


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


def _table(rows: list[Any], header: tuple[str, ...]) -> Iterator[str]:
    if rows:
        shown = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows]
        yield ""
        yield table(shown, header)
