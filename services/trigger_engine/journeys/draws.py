"""Draws by lot: who goes which way of a split, and whom a holdout keeps silent. Each customer draws once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.contracts import ids
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.compiled import Compiled
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.state import Entry, Fact, Profile

HELD, TOLD = "held", "told"
GLOBAL = "policies.holdout"
"""What the global holdout's draw is called beside those of splits, which have the names of steps."""


def draw(profile: Profile, salt: str, shares: Iterable[tuple[str, float]]) -> str:
    """The way that this customer goes: as at the first time, else by lot.

    Shares are in percent, and the last takes the rest. Where the way of the first time is gone, the lot is drawn anew.
    """
    shares = list(shares)
    known = profile.arms.get(salt)
    if known is not None and any(name == known.value for name, _ in shares):
        found: str = known.value
        return found
    lot = ids.chance(salt, profile.id)
    for name, share in shares:
        lot -= share
        if lot < 0:
            return name
    return shares[-1][0]


def remember(profile: Profile, salt: str, name: str, at: datetime) -> None:
    """Keep how a draw fell."""
    known = profile.arms.get(salt)
    if known is None or known.value != name:
        profile.arms[salt] = Fact(name, at)


def holdout(profile: Profile, entry: Entry, compiled: Compiled, turn: Turn) -> tuple[bool | None, Reason | None]:
    """Whether a holdout keeps the customer silent (None: there is none here), and which.

    Transactional messages are no advertisement: the global holdout lets them through.
    """
    journey = compiled.journey
    common = turn.definitions.settings.policies.holdout if journey.klass != "transactional" else 0.0
    if not common and not journey.holdout:
        return None, None
    if common:
        held = _is_held(profile, "holdout", common, turn.now)
        turn.into.drawn[entry.id] = [f"{GLOBAL}={HELD if held else TOLD}"]
        if held:
            return True, Reason.GLOBAL_HOLDOUT
    if journey.holdout and _is_held(profile, f"holdout:{journey.name}", journey.holdout, turn.now):
        return True, Reason.HOLDOUT
    return False, None


def _is_held(profile: Profile, salt: str, share: float, now: datetime) -> bool:
    fallen = draw(profile, salt, ((HELD, share), (TOLD, 100 - share)))
    remember(profile, salt, fallen, now)
    return fallen == HELD
