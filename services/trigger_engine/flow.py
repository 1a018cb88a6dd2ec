"""The route of this service.

topic wici.events ─────┐
table queue.receipts ──┼─▶ prepare: decode, drop what took effect before, look up whose it is
table engine.timers ───┘          │
▼
one transaction a batch: lock profiles ▶ react (pure) ▶ store everything, move positions
│
├─▶ table queue.outbound ──▶ the notifier
├─▶ table engine.fan_outs ──▶ fan_out ──▶ topic wici.events, an event for each customer
└─▶ table engine.outcomes ──▶ relay ──▶ topics wici.outcomes, wici.dead-letters

prepare.py      records to Work
transaction.py  Work to rows, through journeys/react.py
timers.py       when a timer may fire
relay.py        what leaves after commit
schedule.py     the times of campaigns, made fan-outs
fan_out.py      what concerns many customers
waking.py       whom a split on trial has held back
sweep.py        everybody, after segments have changed
changed.py      those inside another revision, after a journey has
engine.py       the loop over these
"""

from __future__ import annotations

from services.contracts import topics
from services.trigger_engine import engine, fan_out, prepare, relay, schedule, timers, transaction

READS = (topics.EVENTS, "queue.receipts", "engine.timers")
WRITES = ("queue.outbound", topics.EVENTS, topics.OUTCOMES, topics.DEAD_LETTERS)
ROUTE = (prepare.Preparation, timers.Fence, transaction.Transaction, relay.Relay, schedule.Schedules, fan_out.FanOuts)
LOOP = engine.Engine

RECEIPTS_HINT = "wici_receipts"  # NOTIFY: the notifier has left receipts
