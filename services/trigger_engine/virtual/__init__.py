"""The engine without a database: the same decisions about customers in memory, at a clock in the caller's hand. Pure.

A `World` runs journeys/react.py, journeys/crowd.py and products/shelf.py as production does, and keeps in dictionaries
what production keeps in rows. `tests/properties/test_virtual_agrees_with_engine.py` holds the two against each other.

    class Sends(Watcher):
        def sent(self, message, at):
            print(at, message.journey, message.step, message.channel)

    definitions = define(workspace)                       # journeys/definitions.py; may be shared by many worlds
    world = World(definitions, start, Sends())
    event = arrival(definitions, "cart.updated", {"customer": {...}, "cart": {...}}, at, identity="e1")
    profile = world.tell(event, at)                       # timers due before `at` fire first, those due at it later
    world.receipt(message, "clicked", at, url="https://") # of a Message that `sent` has told
    world.advance(to)                                     # fires every timer due by then, each at its moment
    world.follow(define(other))                           # as a publish does; live entries keep their revisions
    world.drop(profile.id)                                # forget a customer, to bound memory

Events are Arrivals: made of plain values by `arrival`, of a record's bytes by `intake.decode` or `intake.read`, all of
which raise BadRecord. Time never runs backwards: what is told at an earlier moment comes late, at the world's `now`.
Scheduled journeys come by themselves, from `start` on; all whom one is for hear at once, whatever its pace.
Two customers never meet, but by names that make them one, and in a product's fan-out: a history may be told customer
by customer, each in a world of its own, which costs a few microseconds to make.

A message leaves at the moment at which it is queued, unless the reaction that queued it takes it back or `gate` stops
it, and is accepted at once. What else becomes of it, whoever tells the story says: delivered, bounced, clicked. What
the notifier would ask once more (suppressed addresses) is no part of a world: give it as `gate`, or leave it out.
"""

from __future__ import annotations

from services.trigger_engine.virtual.outbox import Gate
from services.trigger_engine.virtual.telling import arrival
from services.trigger_engine.virtual.watcher import Watcher
from services.trigger_engine.virtual.world import World

__all__ = ["Gate", "Watcher", "World", "arrival"]
