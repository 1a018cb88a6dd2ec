"""Everything that decisions are made by, beside the profile: journeys, templates, the shop, what is derived."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import msgspec

from services.contracts.journey import Journey, Start
from services.contracts.settings import Derive, Settings
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.asking import Entrance, Path, entrance
from services.trigger_engine.journeys.changes import Change, changes
from services.trigger_engine.journeys.compiled import Compiled, Schemas, Templates, compile_journey, shortest
from services.trigger_engine.journeys.conditions import Type
from services.trigger_engine.journeys.derived.registry import READ_CARTS, Wanted, follows, wanted
from services.trigger_engine.journeys.looking_back import overtakers
from services.trigger_engine.journeys.own_facts import own_facts, said_by
from services.trigger_engine.journeys.segment import CompiledSegment, compile_segment
from services.trigger_engine.journeys.uses import find_uses
from services.trigger_engine.policies.rules import Rules, ready
from services.trigger_engine.products.interest import ASKED_FOR, SHOWN_BY
from services.trigger_engine.products.known import BACK_IN_STOCK, PRICE_DROPPED, ProductRules
from services.trigger_engine.profiles.state import Entry
from services.trigger_engine.profiles.uses import TALLIES, Uses

CONTEXT = frozenset({"profile", "event", "cart", "entry"})  # what a message carries; the rest the notifier knows
NO_SHOP = frozenset({"http", "kafka"})  # sources that speak of a shop without being one: its page, its back end


class Definitions(msgspec.Struct):
    """A published workspace, compiled. `revisions` holds the current ones and those that live entries still pin.

    `enters` has the highest priority first, `entrances` what is read to find out whether they are; `listened` are the
    event types that exits, goals and `wait_for` listen to, `awaited` those of `wait_for` alone; `overtakers` has, by
    the type that enters, what would end what it enters; `tested` those that tell of trials (empty: goals): none where
    no split is on trial. `products` says which changes of products somebody listens to,
    `minded` are the events by which a customer's interest in one is noted or answered: a request always, the rest where
    it is of use. `changes` are about those inside other revisions than the `current` ones; `campaigns` are the journeys
    that a schedule enters for many at once, `dated` those that a day of the customer's own does.
    """

    settings: Settings
    templates: Templates
    template_paths: dict[str, tuple[Path, ...]]
    shop: dict[str, Any]
    schemas: Schemas
    revisions: dict[tuple[str, int], Compiled]
    current: dict[str, Compiled]
    enters: dict[str, tuple[Compiled, ...]]
    entrances: dict[str, Entrance]
    facts: dict[str, Type]
    rules: dict[str, Wanted]
    follows: dict[str, tuple[Wanted, ...]]
    overtakers: dict[str, frozenset[str]]
    standing: tuple[Wanted, ...]
    policies: Rules
    segments: dict[str, CompiledSegment]
    uses: Uses
    receipts: frozenset[str]
    listened: frozenset[str]
    awaited: frozenset[str]
    tested: frozenset[str] = frozenset()
    changes: dict[str, Change] = {}
    products: ProductRules | None = None
    minded: frozenset[str] = frozenset({ASKED_FOR, BACK_IN_STOCK})
    campaigns: tuple[Compiled, ...] = ()
    dated: tuple[Compiled, ...] = ()
    name_days: dict[str, str] = {}
    several_shops: bool = False
    region: str = ""
    version: int = 0
    published_at: datetime | None = None

    def catalogue(self, source: str) -> str:
        """Whose product ids a source speaks of: with several shops each has its own, else all speak of the same."""
        return source if self.several_shops else ""

    def drains(self, entry: Entry) -> bool:
        """Whether a published change lets this entry begin no other step."""
        change = self.changes.get(entry.journey) if self.changes else None
        return change is not None and change.policy == "drain" and change.revision != entry.revision

    def add(self, journey: Journey) -> None:
        """Load an older revision that an entry pins."""
        facts = {**own_facts(said_by([journey]), self.schemas), **self.facts}
        compiled = compile_journey(journey, self.templates, self.schemas, facts)
        self.revisions[(journey.name, journey.revision)] = compiled
        self.receipts |= _receipts(compiled.hears)
        self.listened |= compiled.hears
        self.awaited |= _awaited(compiled)
        self.tested |= _tested(compiled)
        self.look_at_uses()

    def look_at_uses(self) -> None:
        """Find out which costly facts the journeys in force use."""
        compiled: list[Compiled | CompiledSegment] = [*self.revisions.values(), *self.segments.values()]
        cart = not READ_CARTS.isdisjoint(self.rules) or any(one.reads_cart for one in compiled)
        self.uses = find_uses(compiled, self.settings.shop.currency, cart=cart)
        if self.uses.tallies & TALLIES["preferred_channel"]:
            self.receipts |= {"opened", "clicked"}


def define(workspace: Workspace, older: Iterable[Journey] = ()) -> Definitions:
    """Compile a published workspace and the older revisions in use. ConditionError if a condition is wrong."""
    facts = own_facts(said_by(workspace.journeys), workspace.event_schemas)
    compiled = _with_what_they_start(
        [compile_journey(j, workspace.templates, workspace.event_schemas, facts) for j in workspace.journeys]
    )
    enters: dict[str, tuple[Compiled, ...]] = {}
    for one in sorted(compiled, key=lambda c: (-c.journey.priority, c.journey.name)):
        enters[one.journey.enter.on] = (*enters.get(one.journey.enter.on, ()), one)
    listened = frozenset(kind for one in compiled for kind in one.hears)
    heard = set(enters) | listened
    rules = wanted(workspace.settings.policies.derive, heard)
    following = follows(rules)
    policies = ready(workspace.settings)
    products = _products(workspace.settings.policies.derive, heard)
    definitions = Definitions(
        settings=workspace.settings,
        templates=workspace.templates,
        template_paths={
            name: shortest(p for t in locales.values() for p in t.reads if p[0] in CONTEXT)
            for name, locales in workspace.templates.items()
        },
        shop=msgspec.to_builtins(workspace.settings.shop),
        schemas=workspace.event_schemas,
        revisions={(one.journey.name, one.journey.revision): one for one in compiled},
        current={one.journey.name: one for one in compiled},
        enters=enters,
        entrances={kind: _entrance(several) for kind, several in enters.items()},
        facts=facts,
        rules=rules,
        follows=following,
        overtakers=overtakers(enters, following),
        standing=tuple((rule, policy) for rule, policy in rules.values() if rule.standing),
        policies=policies,
        segments={s.name: compile_segment(s, workspace.event_schemas, facts) for s in workspace.segments},
        uses=Uses(),
        receipts=_receipts(heard),
        listened=listened,
        awaited=frozenset(kind for one in compiled for kind in _awaited(one)),
        tested=frozenset(kind for one in compiled for kind in _tested(one)),
        region=policies.country,
        changes=changes(workspace),
        products=products,
        minded=frozenset({ASKED_FOR, BACK_IN_STOCK}) | (SHOWN_BY if products is not None else frozenset()),
        several_shops=sum(one.storefront not in NO_SHOP for one in workspace.settings.sources.values()) > 1,
        campaigns=tuple(one for one in compiled if one.journey.enter.schedule is not None and one.date is None),
        dated=tuple(one for one in compiled if one.date is not None),
        name_days=workspace.name_days,
        version=workspace.version,
        published_at=workspace.published_at,
    )
    definitions.look_at_uses()
    for journey in older:
        definitions.add(journey)
    return definitions


def _entrance(several: Collection[Compiled]) -> Entrance:
    kept = (path for one in several for path in one.event_paths)
    return entrance([one.asking for one in several], [one.condition for one in several], kept)


def _products(derive: Derive, heard: Collection[str]) -> ProductRules | None:
    cheaper = derive.price_dropped if PRICE_DROPPED in heard else None
    back = derive.back_in_stock and BACK_IN_STOCK in heard
    return ProductRules(cheaper, back) if cheaper is not None or back else None


def _receipts(kinds: Iterable[str]) -> frozenset[str]:
    return frozenset(kind.removeprefix("message.") for kind in kinds if kind.startswith("message."))


def _awaited(compiled: Compiled) -> frozenset[str]:
    return frozenset(kind for rules in compiled.awaited.values() for kind in rules)


def _tested(compiled: Compiled) -> frozenset[str]:
    return frozenset(test.on for test in compiled.tests.values())


def _with_what_they_start(compiled: list[Compiled]) -> list[Compiled]:
    """An entry also keeps of its event what the journeys read that it may start, and those that they may."""
    by_name = {one.journey.name: one for one in compiled}
    starts = {
        name: {node.step.journey for node in one.nodes.values() if isinstance(node.step, Start)} & by_name.keys()
        for name, one in by_name.items()
    }
    found = []
    for one in compiled:
        reached, todo = {one.journey.name}, set(starts[one.journey.name])
        while todo:
            name = todo.pop()
            reached.add(name)
            todo |= starts[name] - reached
        others = [by_name[name] for name in reached if name != one.journey.name]
        keys = [path[1:] for other in others if other.key for path in other.key.reads if path[0] == "event"]
        paths = shortest([*keys, *(path for each in (one, *others) for path in each.event_paths)])
        found.append(msgspec.structs.replace(one, event_paths=paths) if others else one)
    return found
