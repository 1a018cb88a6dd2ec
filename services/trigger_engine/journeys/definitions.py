"""Everything that decisions are made by, beside the profile: journeys, templates, the shop, what is derived."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from services.contracts.journey import Journey
from services.contracts.settings import Derive, Settings
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.compiled import Compiled, Path, Schemas, Templates, compile_journey, shortest

CONTEXT = frozenset({"profile", "event", "cart", "entry"})  # what a message carries; the rest the notifier knows


class Definitions(msgspec.Struct):
    """A published workspace, compiled. `revisions` holds the current ones and those that live entries still pin."""

    settings: Settings
    templates: Templates
    template_paths: dict[str, tuple[Path, ...]]
    shop: dict[str, Any]
    schemas: Schemas
    revisions: dict[tuple[str, int], Compiled]
    enters: dict[str, tuple[Compiled, ...]]
    derive: Derive
    keeps_cart: bool
    receipts: frozenset[str]
    listened: frozenset[str]
    version: int = 0

    def add(self, journey: Journey) -> None:
        """Load an older revision that an entry pins."""
        compiled = compile_journey(journey, self.templates, self.schemas)
        self.revisions[(journey.name, journey.revision)] = compiled


def define(workspace: Workspace, older: Iterable[Journey] = ()) -> Definitions:
    """Compile a published workspace and the older revisions in use. ConditionError if a condition is wrong."""
    compiled = [compile_journey(j, workspace.templates, workspace.event_schemas) for j in workspace.journeys]
    enters: dict[str, tuple[Compiled, ...]] = {}
    for one in sorted(compiled, key=lambda c: c.journey.name):
        enters[one.journey.enter.on] = (*enters.get(one.journey.enter.on, ()), one)
    heard = set(enters) | {kind for one in compiled for kind in one.listeners}
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
        enters=enters,
        derive=_wanted(workspace.settings.policies.derive, heard),
        keeps_cart="cart.abandoned" in heard or any(one.reads_cart for one in compiled),
        receipts=frozenset(kind.removeprefix("message.") for kind in heard if kind.startswith("message.")),
        listened=frozenset(kind for one in compiled for kind in one.listeners),
        version=workspace.version,
    )
    for journey in older:
        definitions.add(journey)
    return definitions


def _wanted(derive: Derive, heard: set[str]) -> Derive:
    """A derived event is computed only where something listens to it."""
    return Derive(
        cart_abandoned=derive.cart_abandoned if "cart.abandoned" in heard else None,
        spend_threshold=derive.spend_threshold if "spend.threshold_crossed" in heard else None,
        first_order=derive.first_order and "order.first_placed" in heard,
    )
