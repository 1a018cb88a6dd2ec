"""The benchmarks' input: a shop of twenty journeys; 641-byte events, ten a customer, one in ten says something."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec

from services.contracts.journey import Enter, Journey, Rule, Send, Wait
from services.contracts.settings import Account, Derive, Policies, Settings, Shop, Source, Threshold
from services.contracts.workspace import EmailTemplate, Template, Workspace

EVENT_BYTES = 641
EVENTS_A_CUSTOMER = 10

# Each of ten events of a customer: one order (which says thanks), the rest browsing and carts.
STORY = (
    "page.viewed", "product.viewed", "product.viewed", "category.viewed", "cart.updated",
    "product.viewed", "checkout.started", "order.placed", "page.viewed", "product.viewed",
)  # fmt: skip

# What a shop of this kind has beside its thanks: nineteen journeys that look at these events and here enter none.
RARE = (
    ("customer.signed_up", None), ("customer.signed_up", 'profile.locale == "en"'), ("consent.changed", None),
    ("product.viewed", 'event.product.price >= 5000 && "VIP" in profile.tags'),
    ("product.viewed", "profile.orders_count == 0 && event.product.price >= 9000"),
    ("page.viewed", "profile.orders_count > 99"), ("checkout.started", "event.cart.total >= 9000"),
    ("order.placed", "event.order.total >= 9000"), ("order.placed", "profile.orders_count == 5"),
    ("order.placed", 'event.order.items.exists(i, i.category == "shoes")'),
    ("order.paid", None), ("order.delivered", None), ("order.late", None), ("order.refunded", None),
    ("order.cancelled", None), ("return.requested", None), ("review.submitted", None), ("product.back_in_stock", None),
    ("cart.abandoned", "event.cart.total >= 100"),
)  # fmt: skip

HTML = (
    "<html><body>"
    + "<p>Cześć {{ profile.first_name }}, dziękujemy za {{ event.order.id }}.</p>" * 40
    + "</body></html>"
)


def workspace(accounts: tuple[Account, ...] = ()) -> Workspace:
    """Twenty journeys: one thanks for every order; the others look at these and other events, and enter none."""
    thanks = Journey(
        name="thanks",
        enter=Enter(on="order.placed", key="event.order.id", again_after=0, max_age=1e9),
        steps=(Send(id="send-thanks", template="thanks", via=("email",)),),
        revision=1,
    )
    journeys = [thanks]
    for i, (kind, condition) in enumerate(RARE):
        journeys.append(
            Journey(
                name=f"rare-{i}",
                enter=Enter(on=kind, condition=condition, max_age=1e9),
                exits=(Rule(on="order.placed"),),
                steps=(Wait(id="wait-1", amount=1, unit="days"), Send(id="send", template="thanks", via=("email",))),
                revision=1,
            )
        )
    template = Template(
        name="thanks",
        locale="pl",
        digest="0" * 64,
        email=EmailTemplate(subject="Dziękujemy, {{ profile.first_name }}!", html=HTML, text="Dziękujemy!"),
        reads=(("profile", "first_name"), ("event", "order", "id")),
    )
    shop = Shop(name="Sklep", url="https://shop.example", locale="pl", currency="PLN", time_zone="Europe/Warsaw")
    derive = Derive(cart_abandoned=2700.0, spend_threshold=Threshold(), first_order=True)
    return Workspace(
        settings=Settings(
            shop=shop,
            sources={"backend": Source("http", ("$BACKEND_KEY",))},
            accounts=accounts,
            policies=Policies(derive=derive),
        ),
        journeys=tuple(journeys),
        templates={"thanks": {"pl": template}},
    )


def events(customers: int, *, seed: int = 1, first: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of every event of so many customers, interleaved; each value is EVENT_BYTES long."""
    chance = random.Random(seed)
    open_: list[tuple[int, int]] = [(first + i, 0) for i in range(min(customers, 2_000))]
    following = first + len(open_)
    while open_:
        at = chance.randrange(len(open_))
        customer, step = open_[at]
        yield f"c-{customer}".encode(), event(customer, step)
        if step + 1 < EVENTS_A_CUSTOMER:
            open_[at] = (customer, step + 1)
        elif following < first + customers:
            open_[at] = (following, 0)
            following += 1
        else:
            open_[at] = open_[-1]
            open_.pop()


def event(customer: int, step: int, *, story: str = "") -> bytes:
    """One event of a customer's story, padded to EVENT_BYTES; another `story` has events and orders of its own."""
    name = f"c-{customer}"
    kind = STORY[step]
    data: dict[str, object] = {
        "customer": {
            "id": name, "email": f"{name}@example.com", "first_name": "Łucja", "locale": "pl",
            "consents": {"email": {"state": "subscribed", "at": "2026-11-20T10:00:00Z", "source": "checkout"}},
        }
    }  # fmt: skip
    if kind == "order.placed":
        data["order"] = {
            "id": f"o-{customer}{story}",
            "cart_id": f"k-{customer}",
            "total": "249.90",
            "currency": "PLN",
            "items": [],
        }
    elif kind == "cart.updated":
        data["cart"] = {
            "id": f"k-{customer}",
            "total": "249.90",
            "currency": "PLN",
            "items": [{"sku": "b-1", "quantity": 1}],
        }
    elif kind == "product.viewed":
        data["product"] = {"id": "p-1", "price": "249.90", "currency": "PLN", "name": "Buty"}
    value = {
        "specversion": "1.0", "id": f"e-{customer}-{step}{story}", "source": "backend", "type": kind, "subject": name,
        "time": f"2026-11-22T{10 + step:02d}:00:00Z", "data": data,
    }  # fmt: skip
    raw = msgspec.json.encode(value)
    if len(raw) < EVENT_BYTES:
        data["padding"] = "x" * (EVENT_BYTES - len(raw) - len(',"padding":""'))
        raw = msgspec.json.encode(value)
    return raw
