"""Trials: which way of a split does better, found out on a part of the customers. Pure: counts come in, counts go out.

The better way is that with the higher share of successes among those whom it was tried on, the first where several are
equal, and so the first too where nothing has told. It is the highest share and no test of significance. Clicks and
opens by machines do not count. Once decided, a trial stays decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction

from services.contracts import ids
from services.contracts.journey import Split, Trial
from services.trigger_engine.journeys.compiled import Test
from services.trigger_engine.journeys.env import entry_words, environment
from services.trigger_engine.journeys.reaction import Timer
from services.trigger_engine.journeys.trying import Standing, TrialChange, Trying, Verdict
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Entry, Profile, Tried

LONGEST = timedelta(days=7)  # a trial that waits for so many customers is decided then with those who have come


def identity(entry: Entry, step: str) -> bytes:
    """The trial that an entry takes part in: of this revision, step and, of a schedule, this time."""
    return ids.trial(entry.journey, entry.revision, step, _occurrence(entry))


def deadline(trial: Trial, begun_at: datetime) -> datetime:
    """When it is decided at the latest."""
    return begun_at + (LONGEST if trial.after is None else timedelta(seconds=trial.after))


def is_due(trial: Trial, standing: Standing, now: datetime) -> bool:
    """Whether it is time to decide."""
    enough = trial.customers is not None and sum(standing.tried.values()) >= trial.customers
    return enough or now >= deadline(trial, standing.begun_at)


def verdict(step: Split, standing: Standing) -> Verdict:
    """The winner by what was counted."""
    names = [share.name for share in step.shares]
    rates = {name: _rate(standing, name) for name in names}
    best = max(names, key=lambda name: rates[name])  # of equal ones the first
    others = " and ".join(_told(standing, name) for name in names if name != best)
    nothing = "" if any(standing.won.values()) else "nothing told, so the first: "
    return Verdict(best, f"{nothing}{_told(standing, best)} over {others}")


def note(entry: Entry, trying: Trying, turn: Turn) -> None:
    """Keep what a step has done to a trial, for the rest of this batch and to be stored."""
    standing, change = _both(entry, trying.trial, entry.step, turn)
    if trying.arm is not None:
        entry.tried = {**(entry.tried or {}), entry.step: Tried(trying.trial, trying.arm, turn.now)}
        for counts in (standing.tried, change.tried):
            counts[trying.arm] = counts.get(trying.arm, 0) + 1
    if trying.verdict is not None:
        standing.winner = change.winner = trying.verdict.winner
        standing.why = change.why = trying.verdict.why
        change.decided_at = turn.now


def win(entry: Entry, step: str, turn: Turn) -> None:
    """Count a success of the way that an entry was tried on; each customer's first, until it is decided."""
    assert entry.tried is not None  # noqa: S101 -- who calls has looked
    mine = entry.tried[step]
    entry.tried = {name: one for name, one in entry.tried.items() if name != step} or None
    standing = turn.trials.get(mine.trial)
    if standing is None or standing.winner is not None:
        return
    standing, change = _both(entry, mine.trial, step, turn)
    for counts in (standing.won, change.won):
        counts[mine.arm] = counts.get(mine.arm, 0) + 1


def hear(profile: Profile, event: Arrival, turn: Turn) -> None:
    """Count an event that is a success: a click or an open of a message of the tried way, or what a rule names."""
    for entry in profile.entries:
        if not entry.tried:
            continue
        compiled = turn.definitions.revisions.get((entry.journey, entry.revision))
        for step, mine in list(entry.tried.items()):
            test = compiled.tests.get(step) if compiled is not None else None
            if test is None or test.on != event.type:
                continue
            if test.said is not None:
                message = event.fields["message"]
                if message.get("entry") == entry.id.hex() and message.get("step") in test.said[mine.arm]:
                    win(entry, step, turn)
            elif event.time >= mine.at and _holds(test, profile, entry, event, turn):
                win(entry, step, turn)


def reach(entry: Entry, turn: Turn) -> None:
    """Count a goal that was reached."""
    compiled = turn.definitions.revisions[(entry.journey, entry.revision)]
    for step in list(entry.tried or ()):
        test = compiled.tests.get(step)
        if test is not None and test.on == "":
            win(entry, step, turn)


def woken(timers: Iterable[Timer], trials: Mapping[bytes, Standing]) -> list[Timer]:
    """The timers of those whom a trial that is decided by now still holds back: they are due at once."""
    decided = {key for key, standing in trials.items() if standing.winner is not None}
    return [one for one in timers if one.trial in decided]


def _holds(test: Test, profile: Profile, entry: Entry, event: Arrival, turn: Turn) -> bool:
    if test.condition is None:
        return True
    env = environment(profile, turn.definitions, turn.now)
    env |= {"event": entry.event, "received": event.fields, "entry": entry_words(entry)}
    return test.condition.evaluate(env) is True


def _both(entry: Entry, trial: bytes, step: str, turn: Turn) -> tuple[Standing, TrialChange]:
    standing = turn.trials.setdefault(trial, Standing(turn.now))
    made = TrialChange(entry.journey, entry.revision, step, _occurrence(entry), standing.begun_at)
    return standing, turn.into.trials.setdefault(trial, made)


def _occurrence(entry: Entry) -> str:
    found: str = (entry.event.get("schedule") or {}).get("occurrence", "")
    return found


def _rate(standing: Standing, name: str) -> Fraction:
    return Fraction(standing.won.get(name, 0), max(1, standing.tried.get(name, 0)))


def _told(standing: Standing, name: str) -> str:
    return f"{float(_rate(standing, name)) * 100:.1f} % of {standing.tried.get(name, 0)}"
