"""Every derived event, in the order in which they are looked at."""

from __future__ import annotations

from collections.abc import Collection

from services.contracts.settings import Derive
from services.trigger_engine.journeys.derived import (
    browse_abandoned,
    cart_abandoned,
    cart_emptied,
    checkout_abandoned,
    customer_anniversary,
    customer_birthday,
    customer_lapsed,
    first_order,
    order_milestone,
    order_unpaid,
    spend_threshold,
)
from services.trigger_engine.journeys.derived.rules import Policy, Rule

Wanted = tuple[Rule, Policy]

RULES: tuple[Rule, ...] = (
    first_order.RULE,
    order_milestone.RULE,
    spend_threshold.RULE,
    order_unpaid.RULE,
    cart_abandoned.RULE,
    cart_emptied.RULE,
    checkout_abandoned.RULE,
    browse_abandoned.RULE,
    customer_lapsed.RULE,
    customer_birthday.RULE,
    customer_anniversary.RULE,
)
UNDOABLE = frozenset(rule.type for rule in RULES if rule.undo is not None)
READ_CARTS = frozenset({cart_abandoned.TYPE, cart_emptied.TYPE, checkout_abandoned.TYPE, browse_abandoned.TYPE})


def wanted(derive: Derive, heard: Collection[str]) -> dict[str, Wanted]:
    """The rules that something listens to, with their policies, by type; one that is switched off is not among them."""
    policies = ((rule, getattr(derive, rule.policy)) for rule in RULES if rule.type in heard)
    return {rule.type: (rule, policy) for rule, policy in policies if policy}


def follows(rules: dict[str, Wanted]) -> dict[str, tuple[Wanted, ...]]:
    """The rules to look at after an event, by its type."""
    found: dict[str, tuple[Wanted, ...]] = {}
    for rule, policy in rules.values():
        for kind in sorted(rule.after):
            found[kind] = (*found.get(kind, ()), (rule, policy))
    return found
