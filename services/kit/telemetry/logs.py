"""Log lines: a closed list of events, as readable text or as JSON, on standard error.

Every line carries the ids it knows (event_id, journey, entry_id, send_key, account): one search follows one customer.
Personal data never stands in a line. docs/operations.md lists the events; a test compares.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from enum import StrEnum
from typing import Any, Literal

import msgspec
import structlog

from services.kit.clock import SystemClock

_CLOCK = SystemClock()


class Log(StrEnum):
    """What may be said."""

    PROCESS_STARTED = "process_started"
    PROCESS_STOPPED = "process_stopped"
    SERVICE_STARTED = "service_started"
    SERVICE_STOPPED = "service_stopped"
    SERVICE_FAILED = "service_failed"
    DRAIN_TIMED_OUT = "drain_timed_out"
    REQUEST_FAILED = "request_failed"
    LIBRARY = "library"
    DATABASE_LOST = "database_lost"
    DATABASE_BACK = "database_back"
    BUS_LOST = "bus_lost"
    BUS_BACK = "bus_back"
    INSTANCE_TAKEN = "instance_taken"
    CLOCK_MOVED = "clock_moved"
    WORKSPACE_APPLIED = "workspace_applied"
    WORKSPACE_REJECTED = "workspace_rejected"
    WORKSPACE_FINDING = "workspace_finding"
    PARTITIONS_ASSIGNED = "partitions_assigned"
    BATCH_RETRIED = "batch_retried"
    RECORD_DEAD_LETTERED = "record_dead_lettered"
    TIMER_PARKED = "timer_parked"
    EVENTS_DROPPED = "events_dropped"
    CAMPAIGN_BEGUN = "campaign_begun"
    CAMPAIGN_DROPPED = "campaign_dropped"
    TIMERS_HELD = "timers_held"
    ATTEMPT_UNANSWERED = "attempt_unanswered"
    ATTEMPT_UNKNOWN = "attempt_unknown"
    ACCOUNT_REFUSES = "account_refuses"
    BRAKE_FIRED = "brake_fired"
    CALLBACK_REFUSED = "callback_refused"
    CALLBACK_PARKED = "callback_parked"
    SECRET_MISSING = "secret_missing"  # noqa: S105 -- the name of an event


MEANINGS: dict[Log, str] = {
    Log.PROCESS_STARTED: "The process serves; `services`, `port`, `instance`.",
    Log.PROCESS_STOPPED: "The process has drained and ends; `seconds`.",
    Log.SERVICE_STARTED: "One service began to work; `service`.",
    Log.SERVICE_STOPPED: "One service has finished what it had in hand; `service`, `seconds`.",
    Log.SERVICE_FAILED: "A service met an error that it did not expect; `service`, `error`.",
    Log.DRAIN_TIMED_OUT: "A service did not finish in time; what it had in hand, others take up again; `service`.",
    Log.REQUEST_FAILED: "A request met an error that nobody expected and got 500; `method`, `path`, `error`.",
    Log.LIBRARY: "A library warned; `logger`, `message`.",
    Log.DATABASE_LOST: "PostgreSQL does not answer; it is asked again until it does.",
    Log.DATABASE_BACK: "PostgreSQL answers again.",
    Log.BUS_LOST: "The bus does not answer; it is asked again until it does.",
    Log.BUS_BACK: "The bus answers again.",
    Log.INSTANCE_TAKEN: "Another process holds this instance's name; `instance`.",
    Log.CLOCK_MOVED: "Marketing time was moved; `offset_seconds`.",
    Log.WORKSPACE_APPLIED: "A new version of the workspace is in force; `version`, `journeys`.",
    Log.WORKSPACE_REJECTED: "The workspace's files have errors; the version before stays in force; `errors`.",
    Log.WORKSPACE_FINDING: "One thing that is wrong in the workspace; `place`, `message`, `hint`.",
    Log.PARTITIONS_ASSIGNED: "This process reads these partitions from now on; `partitions`.",
    Log.BATCH_RETRIED: "A batch was rolled back and is tried again; `error`.",
    Log.RECORD_DEAD_LETTERED: "A record went to dead letters; `topic`, `partition`, `offset`, `reason`.",
    Log.TIMER_PARKED: "A timer failed by itself and waits under dead letters; `timer_id`, `reason`.",
    Log.EVENTS_DROPPED: "Recorded events of days that are not kept any more were dropped; `days`, `before`.",
    Log.CAMPAIGN_BEGUN: "A time of a scheduled journey came, its customers are told; `journey`, `occurrence`.",
    Log.CAMPAIGN_DROPPED: "A time of a scheduled journey, or the rest of it, is given up; `journey`, `reason`.",
    Log.TIMERS_HELD: "Timers wait until all that was written before they came due is read; `count`.",
    Log.ATTEMPT_UNANSWERED: "A provider did not answer; the attempt is repeated or settled; `account`, `attempt_id`.",
    Log.ATTEMPT_UNKNOWN: "Nobody will know whether these messages left; `account`, `attempt_id`, `messages`.",
    Log.ACCOUNT_REFUSES: "A provider refuses the account itself (key, balance, sender); `account`, `code`.",
    Log.BRAKE_FIRED: "More was sent than `policies.brake` allows, and it is paused; `scope`, `total`, `limit`.",
    Log.CALLBACK_REFUSED: "A callback was not signed as it must be; `account`.",
    Log.CALLBACK_PARKED: "A callback about a message not yet known waits 24 h; `account`.",
    Log.SECRET_MISSING: "The workspace names a secret that the environment does not have; `name`.",
}


class Logger:
    """Says events of the closed list, each with the fields bound to it."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def bind(self, **fields: Any) -> Logger:
        """A logger whose lines carry `fields` too."""
        return Logger(**self._fields, **fields)

    def info(self, event: Log, **fields: Any) -> None:
        """Something that an operator may want to see."""
        structlog.get_logger().info(event.value, **self._fields, **fields)

    def warning(self, event: Log, **fields: Any) -> None:
        """Something that mends itself, or that an operator should look at some day."""
        structlog.get_logger().warning(event.value, **self._fields, **fields)

    def error(self, event: Log, error: BaseException | None = None, **fields: Any) -> None:
        """Something that an operator must look at. `error` adds its class, text and place; in JSON, its traceback."""
        structlog.get_logger().error(event.value, **self._fields, **fields, **({"error": error} if error else {}))


def configure(style: Literal["text", "json"], least: int = logging.INFO) -> None:
    """Set up the process's log lines from level `least` on, and those of libraries from warnings on."""
    last: list[Any] = (
        [_json] if style == "json" else [_one_line_error, structlog.dev.ConsoleRenderer(colors=_colours())]
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, _time, _full_error if style == "json" else _unchanged, *last],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)


class _Libraries(logging.Handler):
    """Turns a library's log record into one of our events."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        fields: dict[str, Any] = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1]:
            fields["error"] = record.exc_info[1]
        getattr(structlog.get_logger(), level)(Log.LIBRARY.value, **fields)


def _colours() -> bool:
    return sys.stderr.isatty()


def _unchanged(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return fields


def _time(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    fields["timestamp"] = _CLOCK.real().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return fields


def _full_error(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = fields.get("error")
    if isinstance(error, BaseException):
        fields["error"] = f"{type(error).__name__}: {error}"
        fields["traceback"] = "".join(traceback.format_exception(error))
    return fields


def _one_line_error(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = fields.get("error")
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        fields["error"] = f"{type(error).__name__}: {error}{place}".replace("\n", " ")
    return fields


def _json(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> str:
    return msgspec.json.encode(dict(fields), enc_hook=str).decode()
