"""Every metric of wici, declared once. Services import the one they count; nothing else may be exported.

docs/metrics.md is this list in words; a test compares the two. Labels hold names from closed lists, configured names or
numbers of partitions, never a customer's data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
REGISTRY = CollectorRegistry()

_SIZES = (1, 10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)
_LATENESS = (0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 600, 3_600, 86_400)


@dataclass(frozen=True)
class Description:
    """One metric as it is documented."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str


DESCRIPTIONS: list[Description] = []


def _counter(name: str, about: str, *labels: str) -> Counter:
    DESCRIPTIONS.append(Description(name, "counter", labels, about))
    return Counter(name, about, labels, registry=REGISTRY)


def _gauge(name: str, about: str, *labels: str) -> Gauge:
    DESCRIPTIONS.append(Description(name, "gauge", labels, about))
    return Gauge(name, about, labels, registry=REGISTRY)


def _histogram(name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    DESCRIPTIONS.append(Description(name, "histogram", labels, about))
    return Histogram(name, about, labels, registry=REGISTRY, buckets=buckets)


# Events
EVENTS_PUBLISHED = _counter(
    "wici_events_published_total",
    "Events the gateway took or not (accepted, ignored, refused, unavailable).",
    "source",
    "result",
)
EVENTS_CONSUMED = _counter(
    "wici_events_consumed_total", "Events the trigger engine read (applied, duplicate, erased, dead_letter).", "result"
)
BATCH_RECORDS = _histogram("wici_batch_records", "Records in one batch of the trigger engine.", _SIZES)
BATCH_SECONDS = _histogram("wici_batch_seconds", "Time from reading a batch to its commit.", _SECONDS)
BATCHES_RETRIED = _counter("wici_batches_retried_total", "Batches rolled back and tried again.", "error")
MISPLACED_RECORDS = _counter(
    "wici_misplaced_records_total",
    "Records found on another partition than their key says (a foreign partitioner).",
    "topic",
)
BUS_LAG = _gauge("wici_bus_lag_records", "Records written but not yet applied.", "topic", "partition")
DEAD_LETTERS = _counter("wici_dead_letters_total", "Records that went to dead letters.", "reason")

# Decisions
DECISIONS = _counter("wici_decisions_total", "Why something was not done, or ended; docs/reasons.md.", "reason")
OUTBOUND_QUEUED = _counter("wici_outbound_queued_total", "Messages queued for the notifier.", "channel")
OUTBOUND_WAITING = _gauge("wici_outbound_waiting", "Messages queued and not yet claimed.", "channel")

# Timers
FAN_OUTS_WAITING = _gauge("wici_fan_outs_waiting", "Effects on many customers that are not worked off yet.")
CAMPAIGNS = _counter("wici_campaigns_total", "Times of scheduled journeys that came: begun or dropped.", "what")
FAN_OUT_EVENTS = _counter("wici_fan_out_events_total", "Events for one customer each that fan-outs published.", "type")
TIMERS_HELD = _gauge("wici_timers_held", "Timers that came due and wait until the log before them is read.")
TIMERS_FIRED = _counter("wici_timers_fired_total", "Timers that fired.")
TIMERS_LATE = _histogram("wici_timers_late_seconds", "How long after they came due timers fired.", _LATENESS)

# Sending
ATTEMPTS = _counter(
    "wici_attempts_total", "Calls of a provider (accepted, refused, throttled, unanswered).", "account", "result"
)
ATTEMPT_SECONDS = _histogram("wici_attempt_seconds", "Time of one call of a provider.", _SECONDS, "account")
UNKNOWN = _counter(
    "wici_unknown_total", "Messages of which nobody will know whether they left. Alarm on any.", "account"
)
DELIVERIES = _counter("wici_deliveries_total", "Status changes that providers reported.", "account", "status")
CALLBACKS_REFUSED = _counter("wici_callbacks_refused_total", "Callbacks with a bad signature or token.", "account")
TRACKED = _counter(
    "wici_tracked_total", "Opens and clicks over tracked links, by who made them (person, machine).", "kind", "by"
)
BRAKES = _counter("wici_brakes_total", "How often `policies.brake` paused this scope. Alarm on any.", "scope")
PAUSED = _gauge("wici_paused", "1 while this scope (all, a journey, a channel) is paused.", "scope")

# The process
WORKSPACE_VERSION = _gauge("wici_workspace_version", "The published version of the workspace in force.")
SERVICE_READY = _gauge("wici_service_ready", "1 while the service does its work.", "service")
REQUESTS_FAILED = _counter("wici_requests_failed_total", "HTTP requests that met an unexpected error (500).")


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)
