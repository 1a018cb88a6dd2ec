"""Ways through a journey: who falls through a branch, and whether the time is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from services.cli.workspace.rules.whole import Whole
from services.contracts.journey import Branch, Clock, Send, Step, Stop, Wait, WaitFor, ways
from services.kit.settings import Settings

DAY = 86_400.0
KEPT_DAYS = Settings.keep_events
"""For how many days events are kept where WICI_KEEP_EVENTS does not say otherwise: a check sees no services."""
_UNITS = {"seconds": 1.0, "minutes": 60.0, "hours": 3_600.0, "days": DAY, "weeks": 7 * DAY}


class Span(NamedTuple):
    """The least and the most seconds since the entry began."""

    least: float = 0.0
    most: float = 0.0

    def plus(self, least: float, most: float) -> Span:
        """The span, later."""
        return Span(self.least + least, self.most + most)


def open_branch(whole: Whole) -> None:
    """A choice of several conditions without an else, none of which is the other's contrary."""
    for told in whole.journeys:
        for step in told.steps():
            conditions = [arm.condition for arm in step.arms] if isinstance(step, Branch) else []
            if len(conditions) < 2 or None in conditions or _contrary([one or "" for one in conditions]):
                continue
            message = "who fulfils none of these conditions goes on after the branch, without a word"
            hint = "add - else: and what is done then; - else: [] says that nothing is"
            told.sheet.warning(told.step_at(step), "open-branch", message, hint)


def repeated_condition(whole: Whole) -> None:
    """An arm whose condition stands in the same branch before."""
    for told in whole.journeys:
        for step in told.steps():
            seen: set[str | None] = set()
            for arm in step.arms if isinstance(step, Branch) else ():
                if arm.condition in seen and arm.do:
                    message = "an arm before has the same condition, so this one is never gone"
                    at = told.step_at(arm.do[0])
                    told.sheet.warning(at, "repeated-condition", message, "write the condition that is meant")
                seen.add(arm.condition)


def goal_too_short(whole: Whole) -> None:
    """A message that leaves when the goal no longer counts."""
    for told in whole.journeys:
        within = max((goal.within or 0.0 for goal in told.journey.goals), default=0.0)
        if not within or any(goal.within is None for goal in told.journey.goals):
            continue
        for step, span in timeline(told.journey.steps):
            if isinstance(step, Send) and span.least >= within:
                message = "the goal no longer counts when this is said, so nobody will know whether it helps"
                hint = f"give the goal a longer within: this step comes after {shown(span.least)} at the earliest"
                told.sheet.warning(told.step_at(step, "send"), "goal-too-short", message, hint)
                break


def long_wait(whole: Whole) -> None:
    """A wait by the end of which the events that led here are no longer kept."""
    for told in whole.journeys:
        kept = KEPT_DAYS * DAY
        for step, span in timeline(told.journey.steps):
            after = span.most + _longest(step)
            if isinstance(step, Wait | WaitFor) and span.most <= kept < after:
                message = f"by the end of this wait the event that entered is no longer kept ({KEPT_DAYS} days)"
                hint = "wait less; or keep events longer (WICI_KEEP_EVENTS), and say so here: # wici: allow long-wait …"
                key = "wait" if isinstance(step, Wait) else "wait_for"
                told.sheet.warning(told.step_at(step, key), "long-wait", message, hint)


def timeline(steps: tuple[Step, ...]) -> Iterator[tuple[Step, Span]]:
    """Every step with the time at which it begins, counted from the entry; calendar days have 24 hours here."""
    found: list[tuple[Step, Span]] = []
    _follow(steps, Span(), found)
    yield from found


def _follow(steps: tuple[Step, ...], at: Span, found: list[tuple[Step, Span]]) -> Span | None:
    """The time at the end of the steps; None where every way has ended before."""
    for step in steps:
        found.append((step, at))
        ends = [_after(step, at, found), *([at] if step.condition is not None else [])]
        after = _either(ends)
        if after is None:
            return None
        at = after
    return at


def _after(step: Step, at: Span, found: list[tuple[Step, Span]]) -> Span | None:
    if isinstance(step, Stop):
        return None
    if isinstance(step, Wait):
        return at.plus(*_wait(step))
    if isinstance(step, WaitFor):
        heard = _follow(step.then, at.plus(0, step.within), found)
        missed = _follow(step.otherwise, at.plus(step.within, step.within), found)
        return _either([heard, missed])
    inside = ways(step)
    if not inside:
        return at
    ends = [_follow(do, at, found) for _, do in inside]
    if isinstance(step, Branch) and all(arm.condition is not None for arm in step.arms):
        ends.append(at)
    return _either(ends)


def _either(ends: list[Span | None]) -> Span | None:
    there = [end for end in ends if end is not None]
    return Span(min(end.least for end in there), max(end.most for end in there)) if there else None


def _wait(step: Wait) -> tuple[float, float]:
    if isinstance(step.until, Clock):
        return 0.0, DAY if step.until.weekday is None else 7 * DAY
    if step.until is not None:
        return 0.0, 0.0
    exact = step.amount * _UNITS[step.unit]
    return exact, exact


def _longest(step: Step) -> float:
    if isinstance(step, Wait):
        return _wait(step)[1]
    return step.within if isinstance(step, WaitFor) else 0.0


def _contrary(conditions: list[str]) -> bool:
    """Whether one condition is another's denial: whatever is not true is false, so one of them holds."""
    plain = {_bare(one) for one in conditions}
    return any(_bare(f"not {one}") in plain or _bare(f"not ({one})") in plain for one in conditions)


def _bare(condition: str) -> str:
    """A condition without blanks, `not` as `!`, and without brackets around a single word."""
    return "".join(condition.replace("not ", "!").split()).replace("(", "").replace(")", "")


def shown(seconds: float) -> str:
    """A time in days or hours."""
    days = seconds / DAY
    return f"{days:g} days" if days >= 2 else f"{seconds / 3_600:g} hours"


RULES: tuple[Callable[[Whole], None], ...] = (open_branch, repeated_condition, goal_too_short, long_wait)
