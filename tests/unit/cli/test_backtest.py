"""A backtest: what it counts, what it says differs, and that it always says the same."""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from services.cli.backtest import records, report
from services.cli.backtest.command import EARLIEST, LATEST
from services.cli.backtest.grouping import Groups
from services.cli.backtest.play import Outcome, Player, Setup
from services.cli.backtest.report import Told
from services.cli.backtest.spool import BUCKETS, Spool
from services.contracts.journey import Wait
from services.contracts.policies import Cap
from services.contracts.settings import Account
from services.contracts.workspace import Workspace
from services.kit.errors import Misconfigured
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.profiles.state import Identifier
from services.trigger_engine.virtual import World
from tests.support.engine import AT, DAY, HOUR, SUBSCRIBED, anna, event, journey, say, workspace

UNTIL = AT + 7 * DAY
ALL = workspace(journey("views", "page.viewed"))
LATER = workspace(journey("views", "page.viewed", Wait("wait", 1, "days"), say()))
DEAR = workspace(journey("orders", "order.placed", condition="event.order.total >= 100", key="event.order.id",
                         again_after=0))  # fmt: skip


def views(number: int, at: Any = AT) -> bytes:
    return event(
        "page.viewed", at, id=f"v{number}-{at}", customer=anna(id=f"c-{number}", email=f"c{number}@example.com")
    )


def order(number: int, total: str) -> bytes:
    placed = {"id": f"o{number}", "total": total, "currency": "PLN"}
    return event("order.placed", id=f"o{number}", customer=anna(), order=placed)


async def history(folder: Path, events: Sequence[bytes]) -> tuple[int, records.Refused]:
    path = folder / "events.jsonl"
    path.write_bytes(b"\n".join(events) + b"\n")
    spool = Spool(folder)
    number, _, refused = await records.group(records.of_file(path, define(ALL)), EARLIEST, LATEST, spool)
    spool.close()
    return number, refused


async def play(
    folder: Path, events: Sequence[bytes], after: Workspace, before: Workspace | None = None, **more: Any
) -> Outcome:
    await history(folder, events)
    player, whole = Player(Setup(after, UNTIL, before, **more)), Outcome()
    for number in range(BUCKETS):
        whole.add(player.play(folder, number))
    return whole


async def test_it_counts_what_each_version_would_have_said_and_who_hears_a_difference(
    tmp_path: Path,
) -> None:
    cheap = workspace(journey("orders", "order.placed", key="event.order.id", again_after=0))
    found = await play(tmp_path, [order(1, "50.00"), order(2, "150.00"), views(7)], cheap, DEAR)
    assert found.before.sent == {("orders", "send:hello", "email"): 1}
    assert found.after.sent == {("orders", "send:hello", "email"): 2}
    assert (found.after.customers, found.differ, found.only_before, found.only_after) == (2, 1, 0, 0)
    assert found.before.skipped == {("orders", "condition_false"): 1}
    assert found.after.hours == {("orders", 11): 2}, "ten o'clock UTC in Warsaw"


async def test_time_passes_to_the_end_so_that_what_waits_is_said(tmp_path: Path) -> None:
    found = await play(tmp_path, [views(1)], LATER, ALL, listing=True)
    assert found.after.sent == found.before.sent
    assert [(one.before[0][0], one.after[0][0]) for one in found.told] == [
        ("2026-11-22T11:00+01:00", "2026-11-23T11:00+01:00")
    ]


async def test_customers_who_hear_the_same_are_not_listed_but_who_is_asked_for_is(tmp_path: Path) -> None:
    assert (await play(tmp_path, [views(1), views(2)], ALL, ALL, listing=True)).told == []
    (told,) = (await play(tmp_path, [views(1), views(2)], ALL, ALL, only="c-2")).told
    assert told.name == "c-2"
    assert told.before == told.after != []


async def test_events_of_one_customer_under_several_names_are_one_story(tmp_path: Path) -> None:
    guest = event("cart.updated", AT, customer={"anonymous_id": "a1"}, cart={"id": "k1", "total": "9.00"})
    known = event(
        "order.placed",
        AT + HOUR,
        customer=anna(anonymous_id="a1"),
        order={"id": "o1", "cart_id": "k1", "total": "9.00"},
    )
    found = await play(tmp_path, [guest, known, views(5)], workspace(journey("carts", "cart.abandoned")))
    assert found.after.customers == 2
    assert not found.after.sent, "the order closes the cart that nobody had a name for"


async def test_what_caps_stop_is_counted(tmp_path: Path) -> None:
    twice = [views(1), views(1, AT + DAY)]
    capped = workspace(
        journey("views", "page.viewed", again_after=0),
        caps=(Cap(at_most=1, per=7 * DAY.total_seconds(), then="drop"),),
    )
    found = await play(tmp_path, twice, capped)
    assert found.after.skipped == {("views", "capped"): 1}
    assert report.as_json(found, TOLD)["after"]["capped"] == 1


async def test_parts_of_sms_cost_what_the_account_says(tmp_path: Path) -> None:
    account = Account("pl", "smsapi", "sms", {"price": "0.09 PLN"})
    texts = workspace(journey("views", "page.viewed", say("sms-only", via=("sms",)), klass="transactional"))
    priced = replace(texts, settings=replace(texts.settings, accounts=(account,)))
    who = anna(phone="+48600100200", consents={"sms": SUBSCRIBED["email"]})
    found = await play(tmp_path, [event("page.viewed", customer=who)], priced)
    assert found.after.cost == {"PLN": Decimal("0.09")}
    assert (await play(tmp_path, [views(1)], ALL)).after.unpriced == {"email": 1}


async def test_the_order_of_the_file_is_no_matter_and_every_run_says_the_same(tmp_path: Path) -> None:
    told = [one for n in range(40) for one in (views(n), views(n, AT + DAY))]
    answers = []
    for number, lines in enumerate((told, told[::-1], told)):
        (folder := tmp_path / str(number)).mkdir()
        found = await play(folder, lines, LATER, ALL, listing=True)
        found.told.sort(key=lambda one: one.name)
        answers.append((report.text(found, TOLD), json.dumps(report.as_json(found, TOLD))))
    assert answers[0] == answers[1] == answers[2]


async def test_lines_that_are_no_events_of_the_shop_are_counted_and_what_is_no_json_is_refused(
    tmp_path: Path,
) -> None:
    number, refused = await history(tmp_path, [views(1), event("no.such_type", customer=anna()), event("page.viewed")])
    assert (number, refused.reasons, refused.nameless) == (1, {"unknown_type": 1}, 1)
    with pytest.raises(Misconfigured, match=r"events\.jsonl:2 is no CloudEvent"):
        await history(tmp_path, [views(1), b"{"])
    with pytest.raises(Misconfigured, match=r"events\.jsonl:1 has no time"):
        await history(tmp_path, [event("page.viewed", None, customer=anna())])


async def test_a_customers_world_is_gone_once_it_is_played(tmp_path: Path) -> None:
    gc.collect()
    gc.disable()
    try:
        await play(tmp_path, [views(1), order(1, "150.00")], LATER, DEAR)
        assert not [one for one in gc.get_objects() if isinstance(one, World)]
    finally:
        gc.enable()


def test_names_that_were_once_together_stay_together() -> None:
    a, b, c, d = (Identifier("email", "", name) for name in "abcd")
    groups = Groups()
    first, second, third = groups.add([a, b]), groups.add([c]), groups.add([d])
    assert len({groups.find(first), groups.find(second), groups.find(third)}) == 3
    groups.add([c, b])
    assert groups.find(first) == groups.find(second) != groups.find(third)


TOLD = Told("events.jsonl", 3, None, UNTIL)
