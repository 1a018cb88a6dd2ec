"""What is wrong with the events of a request: `errors` of the answer lists each one's index, id, error and hint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from services.kit.errors import Problem, TryAgain
from services.kit.problems import HttpProblem

RETRY_AFTER = 2  # seconds
MAX_FAULTS = 50  # listed in one answer; later events of the batch are not looked at


class Fault(Problem):
    """What is wrong with one event, the status that says so, and what to write instead."""

    def __init__(self, error: str, hint: str, status: int = HTTPStatus.UNPROCESSABLE_ENTITY) -> None:
        super().__init__(error)
        self.error = error
        self.hint = hint
        self.status = status


@dataclass(frozen=True, slots=True)
class Listed:
    """A fault as the answer lists it: `index` counts from 0, `id` is the event's own where it has one."""

    index: int
    id: str | None
    fault: Fault

    def as_json(self) -> dict[str, object]:
        """One entry of `errors`."""
        return {"index": self.index, "id": self.id, "error": self.fault.error, "hint": self.fault.hint}


def of_faults(faults: Sequence[Listed], count: int) -> HttpProblem:
    """One answer for all faults of a request of `count` events. They share a status, or it is 422."""
    statuses = {listed.fault.status for listed in faults}
    status = statuses.pop() if len(statuses) == 1 else HTTPStatus.UNPROCESSABLE_ENTITY
    first, errors = faults[0].fault, [listed.as_json() for listed in faults]
    if count == 1:
        return HttpProblem(status, f"{first.error} {first.hint}", errors=errors)
    some = f"at least {len(faults)}" if len(faults) >= MAX_FAULTS else str(len(faults))
    detail = f"{some} of {count} events cannot be accepted, so none was taken. First: {first.error} {first.hint}"
    return HttpProblem(status, detail, errors=errors)


def unavailable(detail: str, after: float = RETRY_AFTER) -> HttpProblem:
    """503: nothing was taken, and the same request may succeed after `after` seconds."""
    return HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": str(max(1, round(after)))})


def bus_silent(error: TryAgain) -> HttpProblem:
    """503 when the bus has not acknowledged. Part of a batch may be stored, which a repeat makes harmless."""
    after = error.after.total_seconds() if error.after else RETRY_AFTER
    return unavailable("The events are not acknowledged. Send the same request again, with the same ids.", after)
