"""A journey as it is published: YAML checked, short forms spelled out, every step with its id.

The published document is JSON in `workspace.journeys`; conditions stay text and are compiled by the trigger engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from services.contracts.message import Channel, MessageClass
from services.contracts.schedule import Schedule


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event type, and a condition on `received` (and `event`, `profile`) that must hold."""

    on: str
    condition: str | None = None


class Enter(msgspec.Struct, frozen=True, omit_defaults=True):
    """What enters: an event. `key` names the live entry (default: the customer).

    `again_after` is in seconds (None: never, 0: always); `max_age` in seconds: an older event enters nothing. With a
    `schedule` the event is that of its own times, and the journey's `max_lateness` counts instead of `max_age`.
    """

    on: str
    condition: str | None = None
    key: str | None = None
    again_after: float | None = None
    max_age: float = 86_400.0
    schedule: Schedule | None = None


class Goal(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the journey is for. Reaching it ends the entry unless `stay`; `within` is in seconds from the entry."""

    on: str
    condition: str | None = None
    within: float | None = None
    stay: bool = False


class Conditional(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every step may have: a condition without which it is passed over, with all that is inside it."""

    condition: str | None = None


class Send(Conditional, frozen=True, tag="send", tag_field="kind", omit_defaults=True):
    """Say `template` over the first allowed and reachable channel of `via`, or over all of them.

    `variant` names the template that is said instead: the same with another subject.
    """

    id: str
    template: str
    via: tuple[Channel, ...]
    every: bool = False
    otherwise: Literal["skip", "exit", "onsite"] = "skip"
    klass: MessageClass | None = None
    on_unknown: Literal["settle", "retry"] = "settle"
    variant: str | None = None


class Clock(msgspec.Struct, frozen=True, omit_defaults=True):
    """A time on the customer's clock: `minute` from midnight, on the next `weekday` (0 is Monday) or the next day."""

    minute: int
    weekday: int | None = None


class Wait(Conditional, frozen=True, tag="wait", tag_field="kind", omit_defaults=True):
    """Wait `amount` of `unit`, or `until` a time on the customer's clock or the moment that an expression gives.

    Days and weeks are calendar days in the customer's zone; shorter units are exact.
    """

    id: str
    amount: float = 0.0
    unit: Literal["seconds", "minutes", "hours", "days", "weeks"] = "seconds"
    until: Clock | str | None = None


class WaitFor(Conditional, frozen=True, tag="wait_for", tag_field="kind", omit_defaults=True):
    """Wait for one of `rules` (or `every` one of them): then go the way of `then`.

    If they have not come `within` so many seconds, go the way of `otherwise`.
    """

    id: str
    rules: tuple[Rule, ...]
    within: float
    every: bool = False
    then: tuple[Step, ...] = ()
    otherwise: tuple[Step, ...] = ()


class Arm(msgspec.Struct, frozen=True, omit_defaults=True):
    """One way of a branch; without a condition it is the else."""

    do: tuple[Step, ...]
    condition: str | None = None


class Branch(Conditional, frozen=True, tag="branch", tag_field="kind", omit_defaults=True):
    """Go the way of the first arm whose condition holds; none: go on after the branch."""

    id: str
    arms: tuple[Arm, ...]


class Share(msgspec.Struct, frozen=True, omit_defaults=True):
    """One way of a split: `share` in percent of the customers."""

    name: str
    share: float
    do: tuple[Step, ...] = ()


class Trial(msgspec.Struct, frozen=True, omit_defaults=True):
    """A split that finds its winner: tried on `part` percent of the customers, whom its ways share equally.

    The rest waits until it is decided: `after` so many seconds since the first customer came, or once `customers` were
    tried. `by` is what counts as a success: a click or an open of the way's messages, the journey's goal, or a rule.
    """

    part: float
    by: Literal["clicked", "opened", "goal"] | Rule
    after: float | None = None
    customers: int | None = None


class Split(Conditional, frozen=True, tag="split", tag_field="kind", omit_defaults=True):
    """Customers go the ways of `shares`, which make 100 together, by chance; each always the same way.

    With a `trial` the winner's way is everybody's, once it is decided.
    """

    id: str
    shares: tuple[Share, ...]
    trial: Trial | None = None


class Tag(Conditional, frozen=True, tag="tag", tag_field="kind", omit_defaults=True):
    """Put `tag` among the customer's tags, or take it away."""

    id: str
    tag: str
    away: bool = False


class Set(Conditional, frozen=True, tag="set", tag_field="kind", omit_defaults=True):
    """Learn facts of the customer: their names, and the expressions that give them."""

    id: str
    facts: dict[str, str]


class Start(Conditional, frozen=True, tag="start", tag_field="kind", omit_defaults=True):
    """Enter another journey with this entry's event; this entry goes on."""

    id: str
    journey: str


class Webhook(Conditional, frozen=True, tag="webhook", tag_field="kind", omit_defaults=True):
    """Tell a system of the shop's own at `url`, https or `$NAME`; `body` has names and the expressions behind them."""

    id: str
    url: str
    body: dict[str, str] = {}


class Alert(Conditional, frozen=True, tag="alert", tag_field="kind", omit_defaults=True):
    """Tell `team` of wici.yaml what `template` says of the customer; `answer_within` is in seconds."""

    id: str
    team: str
    template: str
    answer_within: float | None = None


class Survey(Conditional, frozen=True, tag="survey", tag_field="kind", omit_defaults=True):
    """Ask the questions of a survey over the first allowed and reachable channel of `via`, or over all of them."""

    id: str
    survey: str
    via: tuple[Channel, ...]
    every: bool = False


class Coupon(Conditional, frozen=True, tag="coupon", tag_field="kind", omit_defaults=True):
    """Give the customer a code of a pool, good for `valid` seconds (None: as the pool says)."""

    id: str
    pool: str
    valid: float | None = None


class Points(Conditional, frozen=True, tag="points", tag_field="kind", omit_defaults=True):
    """Give the customer points; `cause` is what for."""

    id: str
    give: int
    cause: str = ""


class Onsite(Conditional, frozen=True, tag="onsite", tag_field="kind", omit_defaults=True):
    """Show a template on the shop's page while the entry waits after it."""

    id: str
    template: str


Later = Survey | Coupon | Points | Onsite
"""Steps that are written, checked and published, and passed over: nothing does yet what they say."""


class Stop(Conditional, frozen=True, tag="stop", tag_field="kind", omit_defaults=True):
    """End the entry here."""

    id: str


Step = (
    Send
    | Wait
    | WaitFor
    | Branch
    | Split
    | Tag
    | Set
    | Start
    | Webhook
    | Alert
    | Survey
    | Coupon
    | Points
    | Onsite
    | Stop
)


def ways(step: Step) -> tuple[tuple[str | None, tuple[Step, ...]], ...]:
    """The steps inside a step, by way: the way's condition, if it has one, and where it leads."""
    if isinstance(step, Branch):
        return tuple((arm.condition, arm.do) for arm in step.arms)
    if isinstance(step, WaitFor):
        return ((None, step.then), (None, step.otherwise))
    if isinstance(step, Split):
        return tuple((None, share.do) for share in step.shares)
    return ()


def every_step(steps: tuple[Step, ...]) -> Iterator[Step]:
    """The steps and those inside them, in the order of the file."""
    for step in steps:
        yield step
        for _, inside in ways(step):
            yield from every_step(inside)


def meaning(step: Step) -> tuple[str, ...]:
    """What an id stands for: the kind of step, and what it says."""
    return type(step).__name__, step.template if isinstance(step, Send | Alert) else ""


InFlight = Literal["pin", "drain", "cancel", "migrate"]


class Journey(msgspec.Struct, frozen=True, omit_defaults=True):
    """One journey. `revision` is the number of its graph, from 1; an entry pins the one it entered.

    `holdout` is the percentage of customers that it says nothing to; it may be entered by what happens from `live_from`
    and before `live_until`; of the journeys that one event enters, those of a higher `priority` come first.
    `in_flight` says what becomes of those inside another revision while this one is in force; `moves` has, for
    `migrate`, the new step of each old one that does not keep its id. Neither is part of the graph.
    """

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
    holdout: float = 0.0
    live_from: datetime | None = None
    live_until: datetime | None = None
    priority: int = 50
    quiet_hours: Literal["inherit", "ignore"] = "inherit"
    in_flight: InFlight = "pin"
    moves: dict[str, str] = {}
