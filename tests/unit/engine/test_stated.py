"""What customers state on pages of ours: consents, what is taken back, and the events that follow. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.contracts import ids
from services.contracts.journey import Rule, WaitFor
from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.contracts.receipt import Statement
from services.trigger_engine.journeys import react
from services.trigger_engine.profiles import stated
from services.trigger_engine.profiles.consent import governing
from services.trigger_engine.profiles.stated import Said
from tests.support.engine import AT, DAY, HOUR, Run, anna, happened, journey, say, workspace

PENDING = {"email": {"state": "pending"}}
WITHDRAWN = {"email": {"state": "unsubscribed", "at": "2026-11-22T10:00:00Z"}}
CONFIRM = journey("confirm", "customer.signed_up", klass="transactional")
SUBSCRIBED = 'event.customer.consents.email.state == "subscribed"'
WELCOME = journey("welcome", "consent.changed", condition=SUBSCRIBED)


def statement(by: Any = "confirmation", recipient: str = "anna@example.com", **lines: Any) -> Statement:
    stated_lines = {name.replace("__", ":"): state for name, state in lines.items()} or {"email": "subscribed"}
    return Statement(by, stated_lines, recipient, "ab" * 32, "wici/confirm/pl/1", "Zgadzam się", "203.0.113.7")


def said(what: Statement, at: Any = AT + HOUR) -> Said:
    return Said(what, at, b"k" * 16, "email", "confirm", "send:hello", b"e" * 16)


def signed_up(*journeys: Any, **fields: Any) -> Run:
    run = Run(workspace(CONFIRM, *journeys))
    return run.take(happened("customer.signed_up", customer=anna(**{"consents": PENDING, **fields})))


def hear(run: Run, what: Statement, at: Any = AT + HOUR) -> Run:
    run.now = max(run.now, at)
    turn = run._turn()
    react.on_statement(run.profile, said(what, at), turn)
    run._keep(turn.into)
    return run


def state(run: Run, name: str = "email") -> str | None:
    found = run.profile.consents.get(name)
    return found.state if found else None


def test_a_confirmation_makes_pending_subscribed_and_happens_for_journeys() -> None:
    run = signed_up(WELCOME)
    assert (state(run), run.said) == ("pending", ["hello"])
    hear(run, statement())
    assert state(run) == "subscribed"
    assert [m.journey for m in run.queue] == ["confirm", "welcome"]
    assert run.derived == [("consent.changed", AT + HOUR)]


def test_a_journey_may_wait_for_the_confirmation() -> None:
    steps = (say(id="ask"), WaitFor("w", (Rule("consent.changed"),), 7 * 86_400.0, then=(say(id="thanks"),)))
    run = Run(workspace(journey("welcome", "customer.signed_up", *steps, klass="transactional")))
    run.take(happened("customer.signed_up", customer=anna(consents=PENDING)))
    assert [m.step for m in hear(run, statement()).queue] == ["ask", "thanks"]


def test_a_confirmation_lifts_an_earlier_withdrawal_and_never_a_later_one() -> None:
    run = signed_up(consents=WITHDRAWN)
    assert state(hear(run, statement(), AT + HOUR)) == "subscribed"
    run = signed_up(WELCOME, consents=WITHDRAWN)
    assert state(hear(run, statement(), AT - HOUR)) == "unsubscribed"
    assert run.derived == []


def test_a_confirmation_by_an_address_that_has_changed_is_void_and_counted() -> None:
    run = signed_up(WELCOME)
    run.take(happened("customer.updated", AT + HOUR / 2, customer={"id": "c-1", "email": "new@example.com"}))
    hear(run, statement())
    assert (state(run), run.derived) == ("pending", [])
    assert ("", Reason.ADDRESS_CHANGED) in run.reasons


def test_a_withdrawal_counts_even_from_an_address_that_has_changed() -> None:
    run = signed_up(consents={"email": {"state": "subscribed"}})
    hear(run, statement("preferences", "old@example.com", email="unsubscribed", sms="subscribed"))
    assert (state(run), state(run, "sms")) == ("unsubscribed", None)


def test_a_marketplaces_masked_address_confirms_nothing() -> None:
    masked = "x1y2z3@marketplace.amazon.pl"
    run = Run(workspace(CONFIRM))
    run.take(happened("customer.signed_up", customer={"id": "c-1", "email": masked, "consents": PENDING}))
    assert state(hear(run, statement(recipient=masked))) == "pending"


def test_a_confirmation_is_told_even_where_a_flag_had_said_so_before() -> None:
    run = signed_up(WELCOME, consents={"email": {"state": "subscribed", "at": "2026-11-22T09:00:00Z"}})
    assert hear(run, statement()).derived == [("consent.changed", AT + HOUR)]


def test_the_same_confirmation_gives_the_same_id_whatever_the_moment_and_the_profile() -> None:
    found = []
    for at in (AT + HOUR, AT + DAY):
        run = signed_up()
        turn = run._turn()
        react.on_statement(run.profile, said(statement(), at), turn)
        found += [one.id for one in turn.into.derived]
    assert found == [ids.stated(b"k" * 16, "confirmation", "email:subscribed")] * 2


def test_two_savings_of_the_preference_centre_are_two_events_and_an_unchanged_one_is_none() -> None:
    run = signed_up(consents={"email": {"state": "subscribed"}})
    hear(run, statement("preferences", email="subscribed"))
    assert run.derived == []
    hear(run, statement("preferences", email="unsubscribed"), AT + 2 * HOUR)
    hear(run, statement("preferences", email="subscribed"), AT + 3 * HOUR)
    assert [at for _, at in run.derived] == [AT + 2 * HOUR, AT + 3 * HOUR]
    assert state(run) == "subscribed"


def test_who_leaves_a_channel_and_keeps_a_topic_keeps_the_topic() -> None:
    run = signed_up(consents={"email": {"state": "subscribed"}})
    hear(run, statement("preferences", email="unsubscribed", email__news="subscribed", email__carts="unsubscribed"))
    found = {topic: governing(run.profile.consents, "email", topic) for topic in ("news", "carts", "else", None)}
    said_of = {topic: one.state for topic, one in found.items() if one}
    assert said_of == {"news": "subscribed", "carts": "unsubscribed", "else": "unsubscribed", None: "unsubscribed"}


def test_an_event_says_which_topics_and_whom_in_the_words_of_consent_changed() -> None:
    run = signed_up(consents={"email": {"state": "subscribed"}})
    turn = run._turn()
    what = statement("preferences", email="subscribed", email__news="unsubscribed", email__carts="unsubscribed")
    react.on_statement(run.profile, said(what), turn)
    (one,) = turn.into.derived
    assert one.data == {"customer": {"id": "c-1", "email": "anna@example.com", "consents": {"email": {
        "state": "unsubscribed", "at": "2026-11-22T11:00:00Z", "source": "preferences",
        "text_id": "wici/confirm/pl/1", "topics": ["news", "carts"]}}}}  # fmt: skip


def test_a_withdrawal_takes_back_what_is_unsent_on_its_topic_alone() -> None:
    news, carts = (journey(name, "page.viewed", topic=name) for name in ("news", "carts"))
    run = Run(workspace(news, carts)).take(happened("page.viewed", customer=anna()))
    assert len(run.queue) == 2
    hear(run, statement("preferences", email="subscribed", email__news="unsubscribed", email__carts="subscribed"))
    assert [m.topic for m in run.queue] == ["carts"]
    assert list(run.revoked.values()) == [Reason.WITHDRAWN]


def test_the_evidence_holds_what_was_shown_and_no_readable_address() -> None:
    proof = stated.evidence(said(statement()))
    held = msgspec.json.decode(proof)
    assert b"anna" not in proof
    assert held["address"] == "ab" * 32
    assert (held["ip"], held["text_id"], held["text"]) == ("203.0.113.7", "wici/confirm/pl/1", "Zgadzam się")
    assert held["message"] == {"key": (b"k" * 16).hex(), "journey": "confirm", "step": "send:hello",
                               "entry": (b"e" * 16).hex()}  # fmt: skip


@pytest.mark.parametrize("first", ["grant", "leave"])
def test_no_order_of_hearing_changes_what_two_statements_amount_to(first: str) -> None:
    run = signed_up()
    grant, leave = (statement("preferences", email="subscribed"), AT + 2 * HOUR), (
        statement("preferences", email="unsubscribed"), AT + HOUR)  # fmt: skip
    for what, at in (grant, leave) if first == "grant" else (leave, grant):
        hear(run, what, at)
    assert state(run) == "subscribed"


def test_a_bounce_lets_a_journey_go_on_over_another_allowed_channel() -> None:
    """`message.bounced` is heard by the entry whose message bounced; consent decides what else may be said."""
    bounce = WaitFor("w", (Rule("message.bounced"),), 86_400.0, then=(say(id="by-sms", via=("sms",)),))
    both = {"email": {"state": "subscribed"}, "sms": {"state": "subscribed"}}
    for consents, expected in ((both, ["email", "sms"]), ({"email": both["email"]}, ["email"])):
        run = Run(workspace(journey("news", "page.viewed", say(id="first"), bounce)))
        run.take(happened("page.viewed", customer=anna(phone="+48600100200", consents=consents)))
        (first,) = run.queue
        run.now += timedelta(minutes=1)
        run.hear(run.profile, "bounced", first, hard=True)
        assert [message.channel for message in run.queue] == expected


def test_a_condition_sees_the_consent_as_it_is_after_the_statement() -> None:
    run = signed_up(journey("both", "consent.changed", condition='profile.consent.email == "subscribed"'))
    messages: list[Message] = hear(run, statement()).queue
    assert messages[-1].journey == "both"
