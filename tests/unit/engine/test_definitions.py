"""A published workspace, compiled: what listens to what, and which fields are kept for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.contracts.journey import Arm, Branch, Rule, Set, Stop, Wait, WaitFor
from services.trigger_engine.journeys.compiled import compile_journey, pick, shortest
from services.trigger_engine.journeys.conditions import ANY, NUMBER, TIMESTAMP, ConditionError
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.journeys.derived.registry import RULES
from services.trigger_engine.journeys.env import ProfileView, environment
from services.trigger_engine.profiles.state import Profile
from tests.support.engine import AT, DERIVE, REMINDER, TEMPLATES, Run, anna, happened, journey, say, template, workspace


def test_steps_are_linked_so_that_a_branch_leads_back_to_what_follows_it() -> None:
    steps = (
        Wait("w", 1, "days"),
        Branch("b", (Arm((say(id="vip"), Stop("stop")), "true"), Arm((), None))),
        say(id="end"),
    )
    compiled = compile_journey(journey("j", "page.viewed", *steps), TEMPLATES, {})
    links = {name: (node.next, [to for _, to in node.arms]) for name, node in compiled.nodes.items()}
    assert compiled.first == "w"
    assert links == {
        "w": ("b", []), "b": ("end", ["vip", "end"]), "vip": ("stop", []), "stop": ("end", []), "end": (None, []),
    }  # fmt: skip


def test_an_entry_keeps_what_exits_branches_and_templates_read_of_its_event() -> None:
    one = journey("j", "order.placed", Branch("b", (Arm((say(),), "event.order.total > 5"),)),
                  condition="event.order.currency == 'PLN'", key="event.order.number",
                  exits=(Rule("order.cancelled", "received.order.id == event.order.id"),))  # fmt: skip
    paths = compile_journey(one, TEMPLATES, {}).event_paths
    assert paths == (("cart", "id"), ("order", "currency"), ("order", "id"), ("order", "total"))


def test_a_path_covers_those_below_it() -> None:
    assert shortest([("order", "id"), ("order",), ("cart", "id"), ("orders",)]) == (
        ("cart", "id"),
        ("order",),
        ("orders",),
    )
    assert shortest([(), ("order",)]) == ((),)


def test_picking_copies_what_is_there() -> None:
    fields = {"order": {"id": "1", "total": "5", "items": [1]}, "cart": None, "note": "x"}
    assert pick(fields, (("order", "id"), ("cart", "id"), ("none",))) == {"order": {"id": "1"}}
    assert pick(fields, ((),)) == fields
    assert pick(fields, ((),)) is not fields


def test_a_condition_that_does_not_fit_its_event_is_an_error() -> None:
    with pytest.raises(ConditionError):
        define(workspace(journey("j", "order.placed", condition="event.order.totl > 5")))


@pytest.mark.parametrize("on", [*(rule.type for rule in RULES), "page.viewed"])
def test_a_derived_event_is_computed_only_where_something_listens(on: str) -> None:
    wanted = {on} - {"page.viewed"}
    assert set(define(workspace(journey("j", on))).rules) == wanted
    assert set(define(workspace(journey("j", "page.viewed", exits=(Rule(on),)))).rules) == wanted


@pytest.mark.parametrize("off", [{"cart_abandoned": None}, {"order_milestone": ()}, {"first_order": False}])
def test_what_is_switched_off_is_not_derived(off: dict[str, Any]) -> None:
    heard = (REMINDER, journey("m", "order.milestone"), journey("f", "order.first_placed"))
    assert len(define(workspace(*heard)).rules) == 3
    assert len(define(workspace(*heard, derive=msgspec.structs.replace(DERIVE, **off))).rules) == 2


def test_carts_are_kept_where_somebody_reads_them() -> None:
    reads = {"hello": {"pl": template("hello", "cart.total")}}
    assert define(workspace(REMINDER)).uses.cart
    assert define(workspace(journey("j", "page.viewed"), templates=reads)).uses.cart
    assert define(workspace(journey("j", "page.viewed", condition="cart.total > 5"))).uses.cart
    assert not define(workspace(journey("j", "page.viewed"))).uses.cart


def test_receipts_are_heard_where_somebody_listens() -> None:
    heard = define(workspace(journey("j", "page.viewed", exits=(Rule("message.clicked"), Rule("order.placed")))))
    assert heard.receipts == {"clicked"}
    assert heard.listened == {"message.clicked", "order.placed"}


def test_what_an_older_revision_waits_for_is_listened_to_as_well() -> None:
    waits = WaitFor("w", (Rule("message.clicked"), Rule("order.paid")), 60.0)
    definitions = define(workspace(journey("j", "page.viewed", revision=2)))
    assert (definitions.awaited, definitions.receipts, definitions.listened) == (frozenset(),) * 3
    definitions.add(journey("j", "page.viewed", waits))
    assert definitions.awaited == definitions.listened == {"message.clicked", "order.paid"}
    assert definitions.receipts == {"clicked"}


def test_an_older_revision_may_read_the_facts_that_it_sets_itself() -> None:
    sets = Set("s", {"size": "event.order.total"}), Branch("b", (Arm((say(),), "profile.size > 5"),))
    definitions = define(workspace(journey("j", "order.placed", revision=2)))
    definitions.add(journey("j", "order.placed", *sets))
    assert ("j", 1) in definitions.revisions


def test_facts_have_the_type_that_their_expressions_give_unless_these_differ() -> None:
    sets = Set("s", {"size": "event.order.total", "mixed": "1", "own": "profile.size", "soon": "now + 1 day"})
    other = Set("s", {"mixed": "'one'"})
    found = define(workspace(journey("a", "order.placed", sets), journey("b", "order.placed", other))).facts
    assert found == {"size": NUMBER, "mixed": ANY, "own": ANY, "soon": TIMESTAMP}


def test_a_message_carries_what_any_locale_reads() -> None:
    both = {
        "hello": {"pl": template("hello", "profile.email", "shop.name"), "en": template("hello", "event", "entry.id")}
    }
    paths = define(workspace(journey("j", "page.viewed"), templates=both)).template_paths["hello"]
    assert paths == (("entry", "id"), ("event",), ("profile", "email"))


def test_an_older_revision_is_loaded_beside_the_new_one() -> None:
    new = journey("j", "page.viewed", revision=2)
    definitions = define(workspace(new), older=[journey("j", "page.viewed")])
    assert set(definitions.revisions) == {("j", 1), ("j", 2)}
    assert [c.journey.revision for c in definitions.enters["page.viewed"]] == [2]


def test_conditions_and_templates_see_computed_facts_and_whatever_else_is_known() -> None:
    run = Run(workspace())
    run.take(happened("customer.updated", customer=anna(tags=["VIP"])))
    for number, total in enumerate(["10.00", "20.50"]):
        run.take(happened("order.placed", AT + timedelta(days=number), customer=anna(),
                          order={"id": str(number), "total": total, "currency": "PLN"}))  # fmt: skip
    view = ProfileView(run.profile, "PLN")
    assert (view["orders_count"], view["total_spent"], view["average_order"]) == (2, 30.5, 15.25)
    assert (view["first_order_at"], view["last_order_at"]) == (AT, AT + timedelta(days=1))
    assert (view["first_name"], view["tags"], view["consent"]) == ("Anna", ["VIP"], {"email": "subscribed"})
    assert view["unheard_of"] is None
    assert {"orders_count", "first_name"} <= set(view)
    assert len(view) == len(set(view))


def test_a_customer_of_whom_nothing_is_known_has_empty_words() -> None:
    view = ProfileView(Profile(bytes(16), AT), "PLN")
    assert (view["orders_count"], view["total_spent"], view["average_order"], view["tags"]) == (0, 0, None, [])
    assert (view["first_order_at"], view["consent"], view["email"]) == (None, {}, None)


def test_the_names_of_an_environment_are_those_that_conditions_may_use() -> None:
    run = Run(workspace(REMINDER))
    run.take(happened("cart.updated", customer=anna(), cart={"id": "k1", "total": "5", "coupon": "X"}))
    env = environment(run.profile, run.definitions, AT)
    assert env["cart"] == {"id": "k1", "total": "5", "coupon": "X"}
    assert (env["shop"]["name"], env["now"]) == ("Sklep", AT)


def test_a_workspace_reads_back_from_what_is_published() -> None:
    published = workspace(REMINDER)
    assert msgspec.json.decode(msgspec.json.encode(published), type=type(published)) == published
