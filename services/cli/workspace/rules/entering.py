"""Events: what enters a journey once too seldom, and what never comes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from services.cli.workspace.findings import Place, short, write_instead
from services.cli.workspace.journeys.expressions import place_in
from services.cli.workspace.reading.positions import Mapping as Tree
from services.cli.workspace.reading.positions import Node, Scalar, Sequence, parts
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.rules.whole import Told, Whole
from services.contracts.journey import Rule, WaitFor

# Facts that a customer has once in life.
ONCE = frozenset({"customer.signed_up", "order.first_placed", "customer.deleted"})
# What events are about, so that each of one thing is another event: the field that names the thing.
THINGS = {
    "order.placed": "order", "order.paid": "order", "order.fulfilled": "order", "order.delivered": "order",
    "order.late": "order", "order.cancelled": "order", "order.first_placed": "order", "order.milestone": "order",
    "order.unpaid": "order", "return.requested": "order", "return.received": "order", "complaint.opened": "order",
    "complaint.resolved": "order", "order.refunded": "order",
}  # fmt: skip
# Of these, what comes once for each: an order may be paid, sent and refunded in parts.
ONCE_EACH = frozenset({"order.placed", "order.milestone", "order.unpaid", "order.cancelled"})
_SAME = re.compile(r"received\.(\w+)\.id\s*==\s*event\.\1\.id|event\.(\w+)\.id\s*==\s*received\.\2\.id")
_MESSAGE = re.compile(r"\bmessage\.(journey|step|template)\s*[!=]=\s*([\"'])([^\"']*)\2")
_SEGMENT = re.compile(
    r"\bevent\.segment\s*[!=]=\s*([\"'])([^\"']*)\1|([\"'])([^\"']*)\3\s+(?:not\s+)?in\s+profile\.segments"
)


def once_per_customer(whole: Whole) -> None:
    """What is due for each order is said for the first one only where neither `key` nor `again` is written."""
    for told in whole.journeys:
        enter, thing = told.journey.enter, THINGS.get(told.journey.enter.on)
        if told.journey.klass != "transactional" or thing is None or enter.on in ONCE:
            continue
        if enter.key is None and enter.again_after is None and _again(told.node) is None:
            message = f"a customer enters this once in life, so only the first {enter.on!r} is answered"
            hint = f"add key: event.{thing}.id for each {thing} by itself, or again: never if it is meant"
            told.sheet.warning(told.at("enter", "on"), "once-per-customer", message, hint)


def never_happens(whole: Whole) -> None:
    """An exit, goal or `wait_for` on the event that entered, where it cannot come once more."""
    for told in whole.journeys:
        for rule, at, what in _rules(told):
            if rule.on != told.journey.enter.on:
                continue
            once = rule.on in ONCE
            thing = THINGS.get(rule.on) if rule.on in ONCE_EACH else None
            same = next(iter(_SAME.findall(rule.condition or "")), None)
            if once or (thing is not None and same is not None and thing in same):
                why = "comes once for a customer" if once else f"comes once for each {thing}"
                message = f"{rule.on!r} entered this journey and {why}, so this {what} never happens"
                told.sheet.warning(at, "never-happens", message, "name another event, or leave it out")


def unknown_message(whole: Whole) -> None:
    """Conditions that ask for a journey, step or template of a message that no journey has."""
    if not whole.complete:
        return
    known = {
        "journey": {told.journey.name for told in whole.journeys},
        "step": {step.id for told in whole.journeys for step in told.steps()},
        "template": set(whole.templates),
    }
    for told in whole.journeys:
        for node in _texts([told.node]):
            for found in _MESSAGE.finditer(node.text):
                what, name = found[1], found[3]
                if name not in known[what]:
                    hint = write_instead(name, known[what], f"{what}s are")
                    message = f"no message has the {what} {short(name)}"
                    told.sheet.warning(place_in(node, found.start(3) + 1, told.sheet), "unknown-message", message, hint)


def unknown_segment(whole: Whole) -> None:
    """Conditions that ask for a segment that is not there."""
    known = {segment.name for segment in whole.segments}
    for told in whole.journeys:
        for node in _texts([told.node]):
            for found in _SEGMENT.finditer(node.text):
                number = 2 if found[2] is not None else 4
                if found[number] not in known:
                    _no_segment(told.sheet, place_in(node, found.start(number) + 1, told.sheet), found[number], known)


def _no_segment(sheet: Sheet, at: Place, name: str, known: Iterable[str]) -> None:
    hint = write_instead(name, known, "segments are") or "write it into segments.yaml"
    sheet.warning(at, "unknown-segment", f"there is no segment {short(name)}", hint)


def _again(node: Node) -> Node | None:
    enter = node.values.get("enter") if isinstance(node, Tree) else None
    return enter.values.get("again") if isinstance(enter, Tree) else None


def _rules(told: Told) -> Iterator[tuple[Rule, Place, str]]:
    """Every rule of a journey that waits for an event, where it stands, and what it is."""
    goals = tuple(Rule(goal.on, goal.condition) for goal in told.journey.goals)
    for key, rules in (("exit", told.journey.exits), ("goal", goals)):
        yield from ((rule, at, key) for at, rule in zip(_places(told.node, key), rules, strict=False))
    for step in told.steps():
        if isinstance(step, WaitFor):
            for rule in step.rules:
                yield rule, told.step_at(step, "wait_for"), "wait"


def _places(node: Node, key: str) -> list[Place]:
    value = node.values.get(key) if isinstance(node, Tree) else None
    items = value.items if isinstance(value, Sequence) else (value,) if value else ()
    return [item.values["on"].place for item in items if isinstance(item, Tree) and "on" in item.values]


def _texts(nodes: list[Node]) -> Iterator[Scalar]:
    while nodes:
        node = nodes.pop()
        if isinstance(node, Scalar):
            if '"' in node.text or "'" in node.text:
                yield node
        else:
            nodes += node.items if isinstance(node, Sequence) else [value for _, value in parts(node)]


RULES = (once_per_customer, never_happens, unknown_message, unknown_segment)
