"""The day itself: what happens in the shop, what wici says to whom, and why it says nothing to others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from services.cli.demo.shop import Customer, Said, Shop
from services.contracts import ids
from services.kit.clock import SystemClock, monotonic
from services.kit.database_clock import move, read_offset
from services.kit.errors import Misconfigured

_PATIENCE_SECONDS = 180.0  # a small machine that does other things as well
_ZONE = ZoneInfo("Europe/Warsaw")
_APPLIED = "SELECT count(*) FROM engine.event_ids WHERE id = ANY($1::uuid[])"
_BUSY = (
    "SELECT EXISTS (SELECT FROM engine.timers WHERE due <= $1) OR EXISTS (SELECT FROM queue.outbound WHERE state < 10)"
    " OR EXISTS (SELECT FROM queue.receipts)"
)
_ENDINGS = frozenset({"completed", "stopped", "condition_false"})  # of no news to a reader

ANNA = Customer("c-anna", "Anna", "anna@example.com", ("email", "sms"), "+48600100201")
BARTEK = Customer("c-bartek", "Bartek", "bartek@example.com")
CELINA = Customer("c-celina", "Celina", "celina@example.com", ("email",), "+48600100203")
DOROTA = Customer("c-dorota", "Dorota", "dorota@example.com", ("email",))
EDYTA = Customer("c-edyta", "Edyta", "edyta@example.com", ("email",))


class Story:
    """Plays one scene after the other and prints each with what came of it."""

    def __init__(self, shop: Shop, database: asyncpg.Connection[Any], currency: str) -> None:
        self._shop, self._database, self._currency = shop, database, currency
        # Worth a reminder in either shop, and below the first step of its thresholds.
        self._by_transfer = "220.00" if currency == "PLN" else "80.00"
        self._clock = SystemClock()
        self._heard: list[Said] = []
        self._decided: dict[str, float] = {}
        self._complete = True

    async def tell(self) -> bool:
        """Play the day; return whether every expected message came, and no other."""
        await self._until(self._shop.ready, "every service is ready")
        print("\nA small shop's day, played over HTTP:\n")
        for scene in (self._sign_up, self._no_consent, self._order, self._repeat, self._threshold, self._carts,
                      self._unpaid, self._unsubscribe, self._silence):  # fmt: skip
            await scene()
        return self._complete

    async def _sign_up(self) -> None:
        await self._happens("Anna signs up and agrees to e-mails and SMS.")
        await self._event("customer.signed_up", ANNA)
        await self._expect("email anna")

    async def _no_consent(self) -> None:
        await self._happens("Bartek signs up and agrees to nothing.")
        await self._event("customer.signed_up", BARTEK)
        await self._expect()

    async def _order(self) -> None:
        await self._happens(f"Anna orders for 249.90 {self._currency}, for the first time.")
        self._order_event = await self._event("order.placed", ANNA, order=self._order_of("1001", "249.90"))
        await self._expect("email anna", "sms anna")

    async def _repeat(self) -> None:
        await self._happens("The shop's server sends Anna's order once more.")
        await self._shop.post(self._order_event)
        # Events of one customer keep their order: once this is applied, so was the repeat.
        await self._event("page.viewed", ANNA)
        await self._expect()

    async def _threshold(self) -> None:
        await self._happens(f"Celina orders for 640 {self._currency} and pays: her purchases cross a threshold.")
        await self._event("order.placed", CELINA, order=self._order_of("1002", "640.00"))
        await self._event("order.paid", CELINA, order=self._order_of("1002", "640.00"))
        await self._expect("email celina", "sms celina", "email celina")

    async def _carts(self) -> None:
        await self._happens("Dorota and Edyta fill their carts. Edyta orders, and will pay by transfer.")
        await self._event("cart.updated", DOROTA, cart=self._cart_of("k-dorota", "180.00"))
        await self._event("cart.updated", EDYTA, cart=self._cart_of("k-edyta", self._by_transfer))
        await self._event("order.placed", EDYTA, order=self._transfer())
        await self._expect("email edyta")
        await move(self._database, timedelta(minutes=46))
        await self._happens("46 minutes later (the clock was moved), Dorota's cart is still there.")
        await self._expect("email dorota")

    async def _unpaid(self) -> None:
        await move(self._database, timedelta(minutes=80))
        await self._happens("Two hours after her order Edyta has not paid: she gets the link once more.")
        await self._expect("email edyta")
        await self._happens("Edyta pays.")
        await self._event("order.paid", EDYTA, order=self._transfer())
        await self._expect()

    async def _unsubscribe(self) -> None:
        await self._happens("Dorota clicks on unsubscribe in her mail program.")
        reminder = next((said for said in reversed(self._heard) if said.to == DOROTA.email), None)
        status = await self._shop.unsubscribe(reminder) if reminder else 0
        if status != 200:
            self._complete = False
            print(f"         ✗ the unsubscribe address answered {status}")
        await self._expect()

    async def _silence(self) -> None:
        await move(self._database, timedelta(days=1, minutes=1))
        await self._happens("A day later the second reminder would be due.")
        await self._expect()

    async def _happens(self, what: str) -> None:
        self._clock.offset = await read_offset(self._database)
        print(f"  {self._clock.now().astimezone(_ZONE):%a %H:%M}  {what}")

    async def _event(self, kind: str, customer: Customer, **data: Any) -> dict[str, Any]:
        event, taken = await self._shop.tell(kind, customer, self._clock.now(), **data)
        wanted = [ids.parse(one) for one in taken]

        async def applied() -> bool:
            return bool(await self._database.fetchval(_APPLIED, wanted) == len(wanted))

        await self._until(applied, f"{kind} is applied")
        return event

    async def _expect(self, *messages: str) -> None:
        """Wait until nothing is under way any more, print what was said and decided, and compare."""
        await self._until(self._quiet, "all is said")
        said = (await self._shop.mailbox())[len(self._heard) :]
        self._heard += said
        decided = await self._shop.decisions()
        for one in said:
            print(f"         → {one.channel} to {one.to}: {' '.join(one.text.split())[:90]}")
        why = sorted(reason for reason, count in decided.items() if count > self._decided.get(reason, 0))
        self._decided = decided
        if told := [reason for reason in why if reason not in _ENDINGS]:
            print(f"         · wici decided: {', '.join(told)}")
        elif not said:
            print("         · nothing is sent")
        self._compare(messages, said)

    def _compare(self, wanted: Sequence[str], said: Sequence[Said]) -> None:
        phones = {customer.phone: customer.email for customer in (ANNA, CELINA)}
        came = Counter(f"{one.channel} {phones.get(one.to, one.to).split('@')[0]}" for one in said)
        if came != Counter(wanted):
            self._complete = False
            print(f"         ✗ expected {', '.join(wanted) or 'nothing'}; came {dict(came) or 'nothing'}")

    async def _quiet(self) -> bool:
        now: datetime = self._clock.real() + await read_offset(self._database)
        return not await self._database.fetchval(_BUSY, now)

    async def _until(self, condition: Any, what: str) -> None:
        deadline = monotonic() + _PATIENCE_SECONDS
        while not await condition():
            if monotonic() > deadline:
                raise Misconfigured(f"The demonstration waited {_PATIENCE_SECONDS:.0f} s in vain until {what}.")
            await asyncio.sleep(0.1)

    def _order_of(self, number: str, total: str) -> dict[str, Any]:
        item = {"product_id": "p-1", "sku": "HERB-1", "name": "Rumianek", "quantity": 1, "price": total}
        order = {"id": number, "number": number, "total": total, "currency": self._currency, "items": [item]}
        return order | {"payment_method": "cash_on_delivery"}

    def _transfer(self) -> dict[str, Any]:
        url = "https://zielnik.example/zaplac/1003"
        return self._order_of("1003", self._by_transfer) | {
            "cart_id": "k-edyta", "payment_method": "transfer", "payment_url": url
        }  # fmt: skip

    def _cart_of(self, identity: str, total: str) -> dict[str, Any]:
        item = {"product_id": "p-2", "sku": "HERB-2", "name": "Melisa", "quantity": 2, "price": "90.00"}
        url = "https://zielnik.example/koszyk"
        return {"id": identity, "total": total, "currency": self._currency, "items": [item], "recovery_url": url}
