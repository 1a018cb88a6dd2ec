"""What each reason means, in a sentence: as docs/reasons.md says it; a test compares."""

from __future__ import annotations

MEANINGS: dict[str, str] = {
    "duplicate": "It took effect before: the same source and id, or the same fact stated by shop and wici.",
    "erased": "It is about somebody who was erased after it happened.",
    "already_inside": "The customer is inside already, with the same key.",
    "not_again": "The customer was inside before, and again says never, or not yet.",
    "too_old": "The event is older than the journey's max_age.",
    "overtaken": "An exit or goal that happened later is already on record.",
    "condition_false": "The if of the journey does not hold, or for one inside that of an exit or goal.",
    "not_live": "The event happened outside the journey's live.",
    "own_message": "It is what became of a message of this very journey.",
    "no_journey": "A start, or a fan-out of one of its times, is for a journey that is not published any more.",
    "started_too_deep": "Eight journeys have started one another in one go.",
    "too_late": "It would have reached the goal, but happened after the goal's within.",
    "completed": "It ran to its end.",
    "stopped": "It came to a stop.",
    "goal_reached": "Its goal was reached.",
    "exited": "An exit of the journey happened.",
    "undone": "What it was entered for is no longer so: a refund or cancellation took back a crossed threshold.",
    "merged_away": "Two profiles became one, and the older entry of the same journey and key stays.",
    "cancelled": "The journey was changed or removed with in_flight: cancel: who was inside an older revision left.",
    "drained": "The journey was changed or removed with in_flight: drain: the step of an older revision was over.",
    "late": "It came due longer ago than max_lateness, and the journey drops what is late: a step, or a time to enter.",
    "holdout": "The journey's holdout keeps the customer silent; the goal is counted all the same.",
    "global_holdout": "policies.holdout keeps the customer silent; the goal is counted all the same.",
    "no_moment": "A wait: until came to an expression that gives no moment, or one more than a hundred years away.",
    "passed_over": "The step's own if does not hold; the entry goes on after it.",
    "paused": "The journey is paused: what came due waits, and goes on once it is resumed.",
    "no_engine": (
        "Nothing does yet what the step says: surveys, codes, points and messages on the page come with a later"
        " version."
    ),
    "held_back": "The split is on trial: the step waits until its winner is decided.",
    "no_fact": "The expression of a set gave nothing, or text of more than 500 characters.",
    "already_done": "The entry did this step before it moved to another revision: nothing is said or started twice.",
    "no_team": "wici.yaml names no such team any more.",
    "no_consent": "The message's class needs a consent that the customer has not given.",
    "withdrawn": "The consent was withdrawn, before the step or while the message waited.",
    "no_address": "The customer has no address on the channel.",
    "address_changed": (
        "The page's link was sent to an address that is not the customer's any more: it can withdraw, not consent."
    ),
    "suppressed": "The address bounced, complained or unsubscribed.",
    "no_template": "The template says nothing on this channel.",
    "expired": "It waited longer than it was good for.",
    "quiet_hours": (
        "The channel is quiet where the customer lives, and the policy says then: drop; or it will be for longer than"
        " the step waits."
    ),
    "capped": (
        "The customer has got as many as a cap allows, and it says then: drop; or there was no room for longer than the"
        " step waits."
    ),
    "held_too_long": "The log has been behind for ten minutes: nothing is advertised on old news.",
    "not_allowed_here": "WICI_ONLY_TO does not name the recipient.",
    "render_failed": "The template failed with this customer's data.",
    "provider_refused": "The provider refused the message for good; the receipt has its code.",
    "unknown": "The provider never answered, and nobody will know whether it left.",
}


def meaning(reason: str) -> str:
    """The sentence of a reason; one that has none yet speaks by its name."""
    return MEANINGS.get(reason) or reason.replace("_", " ").capitalize() + "."
