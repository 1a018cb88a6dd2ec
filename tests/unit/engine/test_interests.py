"""What a customer cares for: short lists that no order of arrival changes, kept where something reads them."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.trigger_engine.journeys.env import ProfileView
from services.trigger_engine.profiles.interests import MOST_TALLIED, MOST_VIEWED
from services.trigger_engine.profiles.merge import merge
from services.trigger_engine.profiles.state import Profile, dump, load
from tests.support.engine import AT, HOUR, Run, anna, happened, journey, say, template, workspace

FACTS = (
    "top_categories", "viewed_categories", "bought_categories", "viewed_products", "bought_products", "last_viewed",
    "preferred_channel",
)  # fmt: skip
READERS = (journey(f"j{n}", "survey.answered", condition=f"has(profile.{fact})") for n, fact in enumerate(FACTS))
SHOP = workspace(*READERS, journey("views", "page.viewed", again_after=0))


def viewed(product: str, category: str, hours: float = 0, **more: Any) -> Any:
    return happened("product.viewed", AT + hours * HOUR, id=f"v{product}{category}{hours}", customer=anna(),
                    product={"id": product, "category": category, **more})  # fmt: skip


def bought(number: int, *items: dict[str, Any], hours: float = 0) -> Any:
    return happened(
        "order.placed", AT + hours * HOUR, customer=anna(), order={"id": f"o{number}", "items": list(items)}
    )


def facts(profile: Profile) -> dict[str, Any]:
    view = ProfileView(profile, "PLN")
    return {fact: view[fact] for fact in FACTS}


def test_categories_and_products_are_listed_by_number_and_time() -> None:
    run = Run(SHOP).take(
        viewed("p1", "shoes"), viewed("p2", "shoes", 1), viewed("p3", "hats", 2),
        happened("category.viewed", AT + 3 * HOUR, customer=anna(), category="bags"),
        bought(1, {"product_id": "p9", "category": "hats"}, {"sku": "s8", "category": "coats"}),
    )  # fmt: skip
    known = facts(run.profile)
    assert known["viewed_categories"] == ["shoes", "bags", "hats"]
    assert known["viewed_products"] == ["p3", "p2", "p1"]
    assert known["bought_categories"] == ["coats", "hats"]
    assert known["bought_products"] == ["p9", "s8"]
    assert known["top_categories"] == ["hats", "coats", "shoes", "bags"]


def test_the_products_viewed_last_are_kept_as_they_were_shown() -> None:
    run = Run(SHOP).take(*(viewed(f"p{n}", "shoes", n, name=f"Shoe {n}", price="99.00", stock=5) for n in range(9)))
    latest = facts(run.profile)["last_viewed"]
    assert [product["id"] for product in latest] == ["p8", "p7", "p6", "p5", "p4"]
    assert latest[0] == {"id": "p8", "name": "Shoe 8", "price": "99.00", "category": "shoes"}


def test_a_template_that_shows_what_was_viewed_has_it_kept_and_gets_it() -> None:
    shown = {"hello": {"pl": template("hello", "profile.last_viewed")}}
    run = Run(workspace(journey("j", "page.viewed", say()), templates=shown))
    run.take(viewed("p1", "shoes"), happened("page.viewed", AT + HOUR, customer=anna()))
    assert run.queue[0].context["profile"]["last_viewed"] == [{"id": "p1", "category": "shoes"}]
    assert run.profile.tallies == {}


def test_the_preferred_channel_is_the_one_whose_messages_are_clicked() -> None:
    run = Run(SHOP).take(happened("page.viewed", customer=anna()))
    (message,) = run.queue
    assert run.definitions.receipts >= {"opened", "clicked"}
    for kind, channel in (("opened", "email"), ("opened", "email"), ("clicked", "sms"), ("delivered", "push")):
        run.hear(run.profile, kind, message, channel=channel)
    assert facts(run.profile)["preferred_channel"] == "sms"


def test_receipts_are_heard_only_where_something_asks_for_the_channel() -> None:
    assert Run(workspace(journey("j", "page.viewed"))).definitions.receipts == frozenset()


def test_lists_are_bounded_and_forget_what_was_met_longest_ago() -> None:
    run = Run(SHOP).take(*(viewed(f"p{n}", f"c{n}", n) for n in range(MOST_TALLIED + 20)))
    for tallies in run.profile.tallies.values():
        assert len(tallies) == MOST_TALLIED
        assert "p0" not in tallies
        assert "c0" not in tallies
    assert len(run.profile.viewed) == MOST_VIEWED


_WORD = st.tuples(st.sampled_from(["p1", "p2", "p3"]), st.sampled_from(["a", "b"]), st.integers(0, 3), st.booleans())


@settings(deadline=None)
@given(st.lists(_WORD, min_size=1, max_size=8), st.integers(0, 8), st.randoms(use_true_random=False))
def test_no_order_of_arrival_and_no_merge_changes_the_lists(
    words: list[tuple[str, str, int, bool]], cut: int, chance: Any
) -> None:
    told = []
    for place, (product, category, hours, buys) in enumerate(words):
        shown, at = {"id": product, "category": category}, AT + hours * HOUR
        viewing = happened("product.viewed", at, customer=anna(), product=shown)
        buying = bought(place, {"product_id": product, "category": category}, hours=hours)
        told.append(buying if buys else viewing)
    shuffled = list(told)
    chance.shuffle(shuffled)
    one, other = Run(SHOP).take(*told).profile, Run(SHOP).take(*shuffled).profile
    keeper, *rest = [Run(SHOP).take(*part).profile for part in (told[:cut], told[cut:]) if part]
    for each in rest:
        merge(keeper, load(dump(each), 0))
    assert facts(one) == facts(other) == facts(keeper)
