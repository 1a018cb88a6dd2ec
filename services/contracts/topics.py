"""The topics, without the prefix that `WICI_TOPIC_PREFIX` may put before them."""

from __future__ import annotations

EVENTS = "wici.events"
OUTCOMES = "wici.outcomes"
DEAD_LETTERS = "wici.dead-letters"

PARTITIONS = 12
RETENTION_DAYS = 7

ALL = (EVENTS, OUTCOMES, DEAD_LETTERS)

ENGINE_GROUP = "wici-trigger-engine"
