"""Errors whose class says who must act.

    Problem
    ├── TryAgain       the same thing may work later; nobody has to act
    ├── BadRecord      this record can never be processed; it goes to dead letters with `reason`
    ├── Refused        the other side said no for good (a provider's validation error)
    ├── Unknown        nobody knows whether it happened; it must be settled, never repeated
    └── Misconfigured  an operator must change something; the message says what to write instead

Nobody looks into an error's text to decide what to do.
"""

from __future__ import annotations

from datetime import timedelta


class Problem(Exception):  # noqa: N818 -- the field says "problem" (RFC 9457); subclasses name who acts
    """Root of all errors that wici raises on purpose."""


class TryAgain(Problem):
    """The same call may succeed after a while.

    `after` is the least time to wait, or None to leave it to the caller's retry plan.
    """

    def __init__(self, message: str, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class BadRecord(Problem):
    """A record that can never be processed as it stands.

    `reason` is a short stable name (a dead letter's header); the message says what is wrong with this one.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Refused(Problem):
    """The other side has answered no, for good. `code` is its own word for why."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Unknown(Problem):
    """A call was made and stayed unanswered: it may have worked. A time-out is not a refusal."""


class Misconfigured(Problem):
    """An operator must act. The message names the setting or file and says what to write instead."""
