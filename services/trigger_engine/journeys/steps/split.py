"""`split`: by lot, and ever after the way that was drawn first; or on trial, and then the way that has won."""

from __future__ import annotations

from services.contracts import ids
from services.contracts.journey import Split, Trial
from services.contracts.reasons import Reason
from services.trigger_engine.journeys import trials
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.draws import draw
from services.trigger_engine.journeys.situation import Decision, Go, Situation, Sleep
from services.trigger_engine.journeys.trying import Standing, Trying


def decide(node: Node, step: Split, situation: Situation) -> Decision:
    """Go the customer's way, and have it kept."""
    if step.trial is not None:
        return _try(node, step, step.trial, situation)
    salt = f"split:{situation.entry.journey}/{step.id}"
    name = draw(situation.profile, salt, ((share.name, share.share) for share in step.shares))
    return Go(_way(node, step, name), arm=(salt, name))


def _try(node: Node, step: Split, trial: Trial, situation: Situation) -> Decision:
    """Be one of those whom it is tried on, or wait for what they tell; whoever comes first when it is due decides.

    The lot is the customer's in this trial: who comes again before it is decided goes the same way.
    """
    now, identity = situation.turn.now, trials.identity(situation.entry, step.id)
    standing = situation.turn.trials.get(identity) or Standing(now)
    if standing.winner is None and trials.is_due(trial, standing, now):
        verdict = trials.verdict(step, standing)
        seen = {"arm": verdict.winner, "winner": verdict.why}
        return Go(_way(node, step, verdict.winner), seen=seen, trying=Trying(identity, verdict=verdict))
    if standing.winner is not None:
        return Go(_way(node, step, standing.winner), seen={"arm": standing.winner, "winner": standing.why})
    lot = ids.chance(identity.hex(), situation.profile.id)
    if lot >= trial.part:
        until = trials.deadline(trial, standing.begun_at)
        return Sleep(until, reason=Reason.HELD_BACK, trying=Trying(identity))
    name = step.shares[int(lot / trial.part * len(step.shares))].name
    return Go(_way(node, step, name), seen={"arm": name, "tried": True}, trying=Trying(identity, name))


def _way(node: Node, step: Split, name: str) -> str | None:
    """Where a way leads; a winner that is gone leads past the split."""
    ways = zip(step.shares, node.arms, strict=True)
    return next((to for share, (_, to) in ways if share.name == name), node.next)
