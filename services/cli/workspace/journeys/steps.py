"""The steps of a journey: ids given, names and conditions checked, what cannot be reached found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Table
from typing import Literal, cast

import msgspec

from services.cli.workspace.findings import Place, short
from services.cli.workspace.journeys.expressions import check_expression
from services.cli.workspace.journeys.later_steps import later_otherwise, read_later
from services.cli.workspace.journeys.moments import MomentError, clock
from services.cli.workspace.journeys.sends import SendCheck
from services.cli.workspace.journeys.trials import Subjects, shares_of, trial_of
from services.cli.workspace.reading.positions import Mapping, Scalar
from services.cli.workspace.reading.reader import read
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.shapes.journey import STEPS
from services.cli.workspace.surroundings import Surroundings
from services.contracts.journey import (
    Alert,
    Arm,
    Branch,
    Clock,
    Later,
    Rule,
    Send,
    Set,
    Share,
    Split,
    Start,
    Step,
    Stop,
    Tag,
    Trial,
    Wait,
    WaitFor,
    Webhook,
    ways,
)
from services.contracts.message import Channel, MessageClass
from services.trigger_engine.journeys.conditions import ANY, BOOL, TIMESTAMP, DurationError, Type, parse_duration_parts
from services.trigger_engine.journeys.own_facts import SETTABLE
from services.trigger_engine.journeys.scopes import condition_scope
from services.trigger_engine.journeys.words import PROFILE

Otherwise = Literal["skip", "exit", "onsite"]
Unit = Literal["seconds", "minutes", "hours", "days", "weeks"]
UNTIL = "until "


class StepReader:
    """Reads the steps of one journey, entered by `event`, in the order of the file.

    `journey` is the whole of it; `sends` checks its send steps; `rule` reads and checks an event type with its
    condition on `received`.
    """

    def __init__(
        self,
        sheet: Sheet,
        around: Surroundings,
        event: str,
        sends: SendCheck,
        rule: Callable[[Row], Rule],
        journey: Row,
    ) -> None:
        self._sheet = sheet
        self._around = around
        self._goal = "goal" in journey
        self._subjects = Subjects(sheet, around, journey.text("journey"))
        self._rule = rule
        self._scope = condition_scope(event, None, around.own_events, around.facts) if event in around.events else None
        self._sends = sends
        self._signs = "webhook" in around.channels
        self._prefix = ""
        self._ordinals: Counter[str] = Counter()
        self._ids: dict[str, Place] = {}

    def steps(self, row: Row, key: str) -> tuple[Step, ...]:
        """The steps of the list `key`. A step that none leads to is an error, said once a list."""
        return self._several(row.rows(key))

    def _several(self, rows: Iterable[Row]) -> tuple[Step, ...]:
        steps: list[Step] = []
        ended = False
        for each in rows:
            if steps and not ended and _ends(steps[-1]):
                ended = True
                hint = "remove it, or move it before the step that ends the journey"
                self._sheet.error(each.node.place, "unreachable-step", "this step is never reached", hint)
            steps += self._use(each) if each.word == "use" else (self._step(each),)
        return tuple(steps)

    def _use(self, row: Row) -> tuple[Step, ...]:
        """The steps of a group, whose ids begin with that of the use. A condition is asked once, before the first."""
        name = self.id(row, "use", row.text("use"))
        filled = row.node.filled if isinstance(row.node, Mapping) else None
        if filled is None:
            return ()
        rows = read(STEPS, filled, self._sheet, "'steps'") or []
        outer = self._prefix, self._ordinals
        self._prefix, self._ordinals = f"{name}.", Counter()
        steps = self._several(each for each in rows if isinstance(each, Row))
        self._prefix, self._ordinals = outer
        condition = row.maybe("if")
        if condition is None:
            return steps
        self._check(row, "if", BOOL)
        return (Branch(name, (Arm(steps, condition),)),)

    def _step(self, row: Row) -> Step:
        step = READERS[row.word or "stop"](self, row)
        condition = row.maybe("if")
        if condition is None:
            return step
        self._check(row, "if", BOOL)
        return msgspec.structs.replace(step, condition=condition)

    def stop(self, row: Row) -> Stop:
        """The end of the journey."""
        if not row.flag("stop", default=True):
            hint = "write instead: true, or leave the step out"
            self._sheet.error(row.at("stop"), "bad-value", "a stop that does not stop", hint)
        return Stop(self.id(row, "stop"))

    def id(self, row: Row, kind: str, template: str = "") -> str:
        """The step's `id:`, else kind, template and ordinal among equals: send-thanks, send-thanks-2, wait-1."""
        stem = f"{kind}-{template}" if template else kind
        self._ordinals[stem] += 1
        ordinal = self._ordinals[stem]
        own = row.maybe("id") or (stem if template and ordinal == 1 else f"{stem}-{ordinal}")
        found = self._prefix + own
        place = row.at("id")
        if found in self._ids:
            hint = f"the step in line {self._ids[found].line} has it: write another id"
            self._sheet.error(place, "duplicate-step-id", f"two steps have the id {short(found)}", hint)
        self._ids.setdefault(found, place)
        self._sheet.steps.setdefault(found, row)
        return found

    def send(self, row: Row) -> Send | Split:
        """A template, and the channels that it is said over; with subjects that are tried out a split."""
        via, every = _via(row, self._sheet)
        template = row.text("send")
        self._sends.check(row, template, via)
        later_otherwise(row, self._sheet)
        send = Send(
            id=self.id(row, "send", template),
            template=template,
            via=via,
            every=every,
            otherwise=cast("Otherwise", row.text("otherwise", "skip")),
            klass=cast("MessageClass | None", row.maybe("class")),
            on_unknown="retry" if row.text("on_unknown") == "retry" else "settle",
        )
        return self._subjects.split(row, send, self._trial(row))

    def _trial(self, row: Row) -> Trial | None:
        return trial_of(row, self._sheet, self._rule, goal=self._goal)

    def wait(self, row: Row) -> Wait:
        """A duration, or `until` with a time or an expression."""
        written = row.text("wait", "1 day")
        if written.startswith(UNTIL):
            return Wait(self.id(row, "wait"), until=self._until(row, written))
        amount, unit = 1.0, "day"
        try:
            amount, unit = parse_duration_parts(written)
        except DurationError as error:
            self._sheet.error(row.at("wait"), "bad-duration", error.message, error.hint)
        return Wait(self.id(row, "wait"), amount, cast("Unit", f"{unit}s"))

    def _until(self, row: Row, written: str) -> Clock | str:
        said = written[len(UNTIL) :].strip()
        try:
            found = clock(said)
        except MomentError as error:
            self._sheet.error(row.at("wait"), "bad-cron-or-time", error.message, error.hint)
            return said
        if found is None:
            self._check(row, "wait", TIMESTAMP, skip=len(UNTIL))
        return found or said

    def wait_for(self, row: Row) -> WaitFor:
        """One event or several, how long they may take, and what then."""
        name = self.id(row, "wait-for")
        what = row.row("wait_for") or row
        words = [word for word in ("on", "any", "all") if word in what]
        if len(words) != 1:
            hint = "write one of on: …, any: […] and all: […]"
            self._sheet.error(what.node.place, "bad-value", "'wait_for' waits for one thing", hint)
        elif "if" in what and words != ["on"]:
            self._sheet.error(what.key_at("if"), "bad-value", "'if' stands beside 'on'", "write it into each rule")
        rules = what.rows(words[0]) if words and words[0] != "on" else [what]
        return WaitFor(
            id=name,
            rules=tuple(self._rule(each) for each in rules) if words else (),
            within=what.number("within") or 0.0,
            every=words == ["all"],
            then=self.steps(row, "then"),
            otherwise=self.steps(row, "else"),
        )

    def split(self, row: Row) -> Split:
        """Ways by lot, whose shares make 100; or on trial, until one has won."""
        name, trial = self.id(row, "split"), self._trial(row)
        shares = shares_of(row, self._sheet, trial)
        arms = row.named("split")
        return Split(name, tuple(Share(arm, part, self.steps(arms[arm], "do")) for arm, part in shares.items()), trial)

    def tag(self, row: Row) -> Tag:
        """A word to put among the tags, or to take away."""
        return Tag(self.id(row, row.word), row.text(row.word), away=row.word == "untag")

    def set(self, row: Row) -> Set:
        """Facts by name, and the expressions that give them."""
        facts = {name: text for name, text in row.named("set").items() if isinstance(text, str)}
        within = Row(row.node_of("set") or row.node, facts)
        for name in facts:
            if name in PROFILE.fields:
                message = f"{short(name)} is a fact of wici's own"
                self._sheet.error(within.key_at(name), "reserved-name", message, f"write another name: own_{name[:50]}")
            self._check(within, name, SETTABLE)
        return Set(self.id(row, "set"), facts)

    def webhook(self, row: Row) -> Webhook:
        """An address, and expressions by name."""
        name, what = self.id(row, "webhook"), row.row("webhook") or row
        if not self._signs:
            hint = "write webhooks: {secret: $HOOK_SECRET} in wici.yaml"
            self._sheet.error(row.key_at("webhook"), "no-account", "no secret signs webhooks", hint)
        body = {key: text for key, text in what.named("body").items() if isinstance(text, str)}
        within = Row(what.node_of("body") or what.node, body)
        for key in body:
            self._check(within, key, ANY)
        return Webhook(name, what.text("url"), body)

    def alert(self, row: Row) -> Alert:
        """A team, a template, and within which time somebody should have answered."""
        what = row.row("alert") or row
        template = what.text("template")
        name = self.id(row, "alert", template)
        self._sends.check_alert(what, what.text("team"), template)
        return Alert(name, what.text("team"), template, what.number("answer_within"))

    def later(self, row: Row) -> Later:
        """A step that is written ahead."""
        own = row.text("survey") if row.word == "survey" else ""
        name = self.id(row, row.word, own or row.text("onsite"))
        return read_later(row, name, _via(row, self._sheet), self._sheet, self._around)

    def start(self, row: Row) -> Start:
        """Another journey's name."""
        name = row.text("start")
        return Start(self.id(row, "start", name), name)

    def _check(self, row: Row, key: str, expect: Type | tuple[Type, ...], skip: int = 0) -> None:
        if self._scope is not None:
            check_expression(row.node_of(key), self._scope, self._sheet, expect, skip)

    def branch(self, row: Row) -> Branch:
        """Ways with conditions, and last the else."""
        name = self.id(row, "branch")
        arms = row.rows("branch")
        for arm in arms[:-1]:
            if arm.word == "else":
                hint = "move it to the end of the branch"
                self._sheet.error(arm.key_at("else"), "else-not-last", "nothing after the else is reached", hint)
        return Branch(name, tuple(self._arm(arm) for arm in arms))

    def _arm(self, row: Row) -> Arm:
        if row.word == "else":
            return Arm(self.steps(row, "else"))
        if self._scope is not None:
            check_expression(row.node_of("if"), self._scope, self._sheet)
        return Arm(self.steps(row, "do"), row.text("if"))


READERS: Table[str, Callable[[StepReader, Row], Step]] = {
    "send": StepReader.send,
    "wait": StepReader.wait,
    "wait_for": StepReader.wait_for,
    "branch": StepReader.branch,
    "split": StepReader.split,
    "tag": StepReader.tag,
    "untag": StepReader.tag,
    "set": StepReader.set,
    "start": StepReader.start,
    "webhook": StepReader.webhook,
    "alert": StepReader.alert,
    **dict.fromkeys(("survey", "coupon", "points", "onsite"), StepReader.later),
    "stop": StepReader.stop,
}


def _via(row: Row, sheet: Sheet) -> tuple[tuple[Channel, ...], bool]:
    """The channels of a send, and whether to say it over all of them."""
    node = row.node_of("via")
    several = row.row("via")
    if several is None:
        word = row.maybe("via")
        return ((cast("Channel", word),) if word and isinstance(node, Scalar) else (), False)
    if len(several.values) != 1:
        hint = "write instead: {first: [sms, email]} or {all: [email, sms]}"
        sheet.error(row.at("via"), "bad-value", "'via' is one of first and all", hint)
    key = "all" if "all" in several else "first"
    channels = several.texts(key)
    if len(set(channels)) != len(channels):
        sheet.error(several.at(key), "bad-value", "a channel stands twice", "name each channel once")
    return cast("tuple[Channel, ...]", channels), key == "all"


def _ends(step: Step) -> bool:
    """Whether nothing after the step is reached: a stop, or one of which every way ends, a branch's else included.

    What has a condition of its own may be passed over.
    """
    if step.condition is not None:
        return False
    if isinstance(step, Stop):
        return True
    if isinstance(step, Branch) and all(arm.condition is not None for arm in step.arms):
        return False
    inside = ways(step)
    return bool(inside) and all(do and _ends(do[-1]) for _, do in inside)
