"""The closed list of reasons: why something was dropped, skipped or refused. A counter bears each one's name.

A decision without a name here cannot be made: the functions that drop take a Reason, and a test proves that each
one is used, documented in docs/reasons.md, and nothing else is.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why not."""

    # An event took no effect
    DUPLICATE = "duplicate"
    ERASED = "erased"
    # An event entered no journey
    ALREADY_INSIDE = "already_inside"
    NOT_AGAIN = "not_again"
    TOO_OLD = "too_old"
    OVERTAKEN = "overtaken"
    CONDITION_FALSE = "condition_false"
    NOT_LIVE = "not_live"
    OWN_MESSAGE = "own_message"
    NO_JOURNEY = "no_journey"
    STARTED_TOO_DEEP = "started_too_deep"
    # An event reached no goal
    TOO_LATE = "too_late"
    # An entry ended
    COMPLETED = "completed"
    STOPPED = "stopped"
    GOAL_REACHED = "goal_reached"
    EXITED = "exited"
    UNDONE = "undone"
    MERGED_AWAY = "merged_away"
    CANCELLED = "cancelled"
    DRAINED = "drained"
    HOLDOUT = "holdout"
    GLOBAL_HOLDOUT = "global_holdout"
    NO_MOMENT = "no_moment"
    # A customer's word on a page of ours changed nothing
    ADDRESS_CHANGED = "address_changed"
    # A step did nothing
    PASSED_OVER = "passed_over"
    NO_ENGINE = "no_engine"
    HELD_BACK = "held_back"
    NO_FACT = "no_fact"
    ALREADY_DONE = "already_done"
    PAUSED = "paused"
    # A send said nothing, an alert told nobody
    NO_TEAM = "no_team"
    NO_CONSENT = "no_consent"
    WITHDRAWN = "withdrawn"
    NO_ADDRESS = "no_address"
    SUPPRESSED = "suppressed"
    NO_TEMPLATE = "no_template"
    EXPIRED = "expired"
    LATE = "late"
    QUIET_HOURS = "quiet_hours"
    CAPPED = "capped"
    HELD_TOO_LONG = "held_too_long"
    NOT_ALLOWED_HERE = "not_allowed_here"
    RENDER_FAILED = "render_failed"
    PROVIDER_REFUSED = "provider_refused"
    UNKNOWN = "unknown"
