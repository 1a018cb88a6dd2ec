"""The rules that every storefront keeps, over the gateway's own application."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from services.contracts import ids, stamp
from services.contracts.settings import Settings, Source
from services.contracts.workspace import Workspace
from services.gateway.storefronts import STOREFRONTS
from services.gateway.storefronts.base import TEST_BODY
from services.kit.bus import Outgoing
from services.kit.bus.dead_letters import REASON, TOPIC
from services.kit.errors import TryAgain
from services.kit.secrets import Secret
from tests.contract.storefront_cases import CASES, ENVIRON, NEW, OLD, Case
from tests.unit.gateway.served import ENVIRON as BACKEND
from tests.unit.gateway.served import SECRETS, WORKSPACE, Answer, Served

each_storefront = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
UNREADABLE = [b"", b"{", b"[]", b"\xff", b"null", b'{"id":"\\ud800"}', b"[" * 100_000]
NO_RESOURCE = b'{"id":null}'


def served(case: Case, secrets: Sequence[str] = (NEW, OLD)) -> Served:
    sources = {"sklep": Source(case.name, secrets=tuple(secrets)), "backend": Source("http", keys=("$BACKEND_KEY",))}
    settings = Settings(shop=WORKSPACE.settings.shop, sources=sources)
    return Served(Workspace(settings=settings, version=1), BACKEND | ENVIRON)


async def deliver(gateway: Served, case: Case, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    headers = case.headers(case.fact[0], body) if headers is None else headers
    return await gateway.ask(body, headers, path="/webhooks/sklep")


def event_ids(records: Sequence[Outgoing]) -> list[str]:
    stamps = [stamp.read(dict(each.headers)[stamp.HEADER], each.value or b"", SECRETS) for each in records]
    return [ids.text(said.id) for said in stamps if said is not None]


def test_every_storefront_has_a_case() -> None:
    assert {case.name for case in CASES} == set(STOREFRONTS)


@each_storefront
async def test_signed_delivery_is_on_the_bus_before_it_is_answered(case: Case) -> None:
    gateway = served(case)
    answer = await deliver(gateway, case, case.fact[1])
    assert (answer.status, answer.json["accepted"]) == (202, len(gateway.bus.records))
    assert answer.json["ids"] == event_ids(gateway.bus.records) != []
    assert {record.topic for record in gateway.bus.records} == {"test.wici.events"}
    for record in gateway.bus.records:
        event = json.loads(record.value or b"")
        assert event["source"] == "sklep"
        assert (record.key or b"").decode() == event["subject"] == event["data"]["customer"]["id"]


@each_storefront
async def test_bad_signature_is_401_and_nothing_is_published(case: Case) -> None:
    topic, body = case.fact
    good = case.headers(topic, body)
    for headers in (
        case.headers(topic, body, "another-secret"),
        good | {case.signature_header: "AAAA" + good[case.signature_header][4:]},
        good | {case.signature_header: ""},
        good | {case.signature_header: "not base64!"},
        {name: value for name, value in good.items() if name != case.signature_header},
    ):
        gateway = served(case)
        assert (await deliver(gateway, case, body, headers)).status == 401
        assert gateway.bus.records == []


@each_storefront
async def test_body_that_was_changed_on_the_way_is_401(case: Case) -> None:
    topic, body = case.fact
    gateway = served(case)
    assert (await deliver(gateway, case, body + b"\n", case.headers(topic, body))).status == 401
    assert gateway.bus.records == []


@each_storefront
async def test_two_secrets_are_good_while_one_replaces_the_other(case: Case) -> None:
    topic, body = case.fact
    for secret, status in (("new-secret", 202), ("old-secret", 202), ("older-secret", 401)):
        assert (await deliver(served(case), case, body, case.headers(topic, body, secret))).status == status
    assert (await deliver(served(case, [NEW]), case, body, case.headers(topic, body, "old-secret"))).status == 401


@each_storefront
async def test_source_without_secrets_takes_nothing(case: Case) -> None:
    gateway = served(case, [])
    for secret in ("", "new-secret"):
        headers = case.headers(*case.fact, secret)
        assert (await deliver(gateway, case, case.fact[1], headers)).status == 401
    assert gateway.bus.records == []


@each_storefront
async def test_same_fact_in_two_deliveries_has_one_id(case: Case) -> None:
    """Delivery ids lie outside the signature and differ from delivery to delivery."""
    topic, body = case.fact
    gateway = served(case)
    first = await deliver(gateway, case, body, case.headers(topic, body))
    again = await deliver(gateway, case, body, case.headers(topic, body, "old-secret", delivery=1))
    assert first.json["ids"] == again.json["ids"] != []


@each_storefront
@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
async def test_verified_body_that_cannot_be_read_is_202_and_a_dead_letter(case: Case, body: bytes) -> None:
    gateway = served(case)
    answer = await deliver(gateway, case, body)
    assert (answer.status, answer.json) == (202, {"accepted": 0, "ids": []})
    (letter,) = gateway.bus.records
    said = dict(letter.headers)
    assert (letter.topic, letter.value) == ("test.wici.dead-letters", body)
    assert (said[REASON], said[TOPIC]) == (b"webhook_unreadable", b"webhooks/sklep")
    assert said[case.topic_header.lower()] == case.fact[0].encode()


@each_storefront
async def test_verified_body_that_says_nothing_usable_is_202_and_a_dead_letter(case: Case) -> None:
    for topic in STOREFRONTS[case.name].topics:
        gateway = served(case)
        answer = await deliver(gateway, case, NO_RESOURCE, case.headers(topic, NO_RESOURCE))
        (letter,) = gateway.bus.records
        assert (answer.status, letter.topic) == (202, "test.wici.dead-letters")
        assert dict(letter.headers)[REASON] == b"webhook_untranslatable"


@each_storefront
async def test_unknown_topic_is_202_and_nothing(case: Case) -> None:
    gateway = served(case)
    for topic in (case.unknown_topic, "", "__class__"):
        answer = await deliver(gateway, case, b"{", case.headers(topic, b"{"))
        assert (answer.status, answer.json) == (202, {"accepted": 0, "ids": []})
    assert gateway.bus.records == []


@each_storefront
async def test_topic_from_which_nothing_follows_is_202_with_the_reason(case: Case) -> None:
    storefront = STOREFRONTS[case.name]
    assert not set(storefront.ignored) & set(storefront.topics)
    for topic, why in storefront.ignored.items():
        gateway = served(case)
        answer = await deliver(gateway, case, b"{}", case.headers(topic, b"{}"))
        assert (answer.status, answer.json) == (202, {"accepted": 0, "ids": [], "ignored": why})
        assert gateway.bus.records == []


@each_storefront
async def test_signed_test_is_verified_answered_and_of_no_effect(case: Case) -> None:
    sign = STOREFRONTS[case.name].sign
    for secret, status in (("new-secret", 200), ("old-secret", 200), ("another", 401)):
        gateway = served(case)
        answer = await deliver(gateway, case, TEST_BODY, dict(sign(TEST_BODY, Secret(secret))))
        assert (answer.status, gateway.bus.records) == (status, [])


@each_storefront
async def test_silent_bus_is_503_for_events_and_for_dead_letters(case: Case) -> None:
    """The platform sends it again, or a poll finds it."""
    for body in (case.fact[1], b"{"):
        gateway = served(case)
        gateway.bus.error = TryAgain("silent")
        assert (await deliver(gateway, case, body)).status == 503


@each_storefront
async def test_webhook_before_a_workspace_is_published_is_503(case: Case) -> None:
    assert (await deliver(Served(None), case, case.fact[1])).status == 503


@each_storefront
async def test_a_backends_source_has_no_webhook(case: Case) -> None:
    topic, body = case.fact
    answer = await served(case).ask(body, case.headers(topic, body), path="/webhooks/backend")
    assert answer.status == 404
    assert "/v1/events" in answer.json["detail"]


@each_storefront
async def test_no_part_of_a_body_is_told_or_logged(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    body = b'{"id":["anna@example.com"]}'
    gateway = served(case)
    answer = await deliver(gateway, case, body)
    (letter,) = gateway.bus.records
    said = b"".join(value for _, value in letter.headers) + answer.body
    assert b"anna@" not in said
    assert "anna@" not in "".join(capsys.readouterr())
