"""The steps of a journey: ids given, names and conditions checked, what cannot be reached found."""

from __future__ import annotations

from collections import Counter
from typing import Literal, cast

from services.cli.workspace.expressions import check_expression
from services.cli.workspace.findings import Place, short
from services.cli.workspace.positions import Scalar
from services.cli.workspace.row import Row
from services.cli.workspace.sends import SendCheck
from services.cli.workspace.sheet import Sheet
from services.cli.workspace.surroundings import Surroundings
from services.contracts.journey import Arm, Branch, Send, Step, Stop, Wait
from services.contracts.message import Channel, MessageClass
from services.trigger_engine.journeys.conditions import DurationError, parse_duration_parts
from services.trigger_engine.journeys.scopes import condition_scope

Unit = Literal["seconds", "minutes", "hours", "days", "weeks"]


class StepReader:
    """Reads the steps of one journey of class `klass`, entered by `event`, in the order of the file."""

    def __init__(self, sheet: Sheet, around: Surroundings, event: str, klass: str) -> None:
        self._sheet = sheet
        self._scope = condition_scope(event, None, around.own_events) if event in around.events else None
        self._sends = SendCheck(sheet, around, event, klass)
        self._ordinals: Counter[str] = Counter()
        self._ids: dict[str, Place] = {}

    def steps(self, row: Row, key: str) -> tuple[Step, ...]:
        """The steps of the list `key`. A step that none leads to is an error, said once a list."""
        steps: list[Step] = []
        ended = False
        for each in row.rows(key):
            if steps and not ended and _ends(steps[-1]):
                ended = True
                hint = "remove it, or move it before the step that ends the journey"
                self._sheet.error(each.node.place, "unreachable-step", "this step is never reached", hint)
            steps.append(self._step(each))
        return tuple(steps)

    def _step(self, row: Row) -> Step:
        if row.word == "send":
            return self._send(row)
        if row.word == "wait":
            return self._wait(row)
        if row.word == "branch":
            return self._branch(row)
        return Stop(self._id(row, "stop"))

    def _id(self, row: Row, kind: str, template: str = "") -> str:
        """The step's `id:`, else kind, template and ordinal among equals: send-thanks, send-thanks-2, wait-1."""
        stem = f"{kind}-{template}" if template else kind
        self._ordinals[stem] += 1
        ordinal = self._ordinals[stem]
        found = row.maybe("id") or (stem if template and ordinal == 1 else f"{stem}-{ordinal}")
        place = row.at("id")
        if found in self._ids:
            hint = f"the step in line {self._ids[found].line} has it: write another id"
            self._sheet.error(place, "duplicate-step-id", f"two steps have the id {short(found)}", hint)
        self._ids.setdefault(found, place)
        return found

    def _send(self, row: Row) -> Send:
        via, every = _via(row, self._sheet)
        template = row.text("send")
        self._sends.check(row, template, via)
        return Send(
            id=self._id(row, "send", template),
            template=template,
            via=via,
            every=every,
            otherwise="exit" if row.text("otherwise") == "exit" else "skip",
            klass=cast("MessageClass | None", row.maybe("class")),
            on_unknown="retry" if row.text("on_unknown") == "retry" else "settle",
        )

    def _wait(self, row: Row) -> Wait:
        written = row.text("wait", "1 day")
        amount, unit = 1.0, "day"
        try:
            amount, unit = parse_duration_parts(written)
        except DurationError as error:
            if written.startswith("until"):
                message = "'wait: until …' is not available in this version"
                self._sheet.error(row.at("wait"), "reserved-word", message, "write a duration, such as 1 day")
            else:
                self._sheet.error(row.at("wait"), "bad-duration", error.message, error.hint)
        return Wait(self._id(row, "wait"), amount, cast("Unit", f"{unit}s"))

    def _branch(self, row: Row) -> Branch:
        name = self._id(row, "branch")
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
    """Whether nothing after the step is reached: a stop, or a branch of which every way ends, the else included."""
    if isinstance(step, Stop):
        return True
    if not isinstance(step, Branch):
        return False
    has_else = any(arm.condition is None for arm in step.arms)
    return has_else and all(arm.do and _ends(arm.do[-1]) for arm in step.arms)
