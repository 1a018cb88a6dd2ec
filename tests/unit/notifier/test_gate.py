"""The second check, rule by rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.contracts.message import MessageClass, State
from services.contracts.reasons import Reason
from services.notifier.gate import Facts, allowed_here, settled_as, verdict
from services.notifier.suppressions import Suppression, SuppressionReason, fingerprints, suppressed_by

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def facts(klass: MessageClass = "marketing", **given: Any) -> Facts:
    known: dict[str, Any] = {
        "recipient": "anna@example.com", "expires_at": None, "consent": None, "consent_at": None, "topic_consent": None,
        "topic_consent_at": None,
    } | given  # fmt: skip
    return Facts(klass, **known)


def suppression(reason: SuppressionReason, at: datetime = AT) -> Suppression:
    return Suppression("email", b"hmac", reason, at)


@pytest.mark.parametrize("klass", ["marketing", "opinion"])
@pytest.mark.parametrize("state", [None, "pending", "unknown"])
def test_marketing_leaves_only_to_subscribers(klass: MessageClass, state: str | None) -> None:
    assert verdict(facts(klass, consent=state, consent_at=AT), [], AT, ()) is Reason.NO_CONSENT
    assert verdict(facts(klass, consent="subscribed", consent_at=AT), [], AT, ()) is None


@pytest.mark.parametrize("klass", ["transactional", "service"])
def test_transactional_and_service_messages_need_no_consent(klass: MessageClass) -> None:
    assert verdict(facts(klass, consent="unsubscribed", consent_at=AT), [], AT, ()) is None


def test_a_withdrawn_topic_overrides_the_consent_to_the_channel() -> None:
    told = facts(consent="subscribed", consent_at=AT, topic_consent="unsubscribed", topic_consent_at=AT - HOUR)
    assert verdict(told, [], AT, ()) is Reason.WITHDRAWN


def test_a_consent_to_the_topic_suffices_unless_the_channel_was_withdrawn_later() -> None:
    topic: dict[str, Any] = {"topic_consent": "subscribed", "topic_consent_at": AT}
    assert verdict(facts(**topic), [], AT, ()) is None
    assert verdict(facts(consent="unsubscribed", consent_at=AT - HOUR, **topic), [], AT, ()) is None
    assert verdict(facts(consent="unsubscribed", consent_at=AT + HOUR, **topic), [], AT, ()) is Reason.WITHDRAWN


def test_a_bounced_address_gets_nothing_and_a_complaining_one_only_transactional_mail() -> None:
    consent = {"consent": "subscribed", "consent_at": AT + HOUR}
    for klass in ("transactional", "service", "opinion", "marketing"):
        assert verdict(facts(klass, **consent), [suppression("bounced")], AT, ()) is Reason.SUPPRESSED
        expected = None if klass == "transactional" else Reason.SUPPRESSED
        assert verdict(facts(klass, **consent), [suppression("complained")], AT, ()) is expected


def test_an_unsubscribe_blocks_marketing_until_a_later_consent() -> None:
    left = [suppression("unsubscribed", AT)]
    assert verdict(facts(consent="subscribed", consent_at=AT - HOUR), left, AT, ()) is Reason.SUPPRESSED
    assert verdict(facts(consent="subscribed", consent_at=AT), left, AT, ()) is Reason.SUPPRESSED
    assert verdict(facts(consent="subscribed", consent_at=AT + HOUR), left, AT, ()) is None
    assert verdict(facts("transactional"), left, AT, ()) is None


def test_an_expired_message_is_settled_as_expired_whatever_else_stops_it() -> None:
    told = facts(expires_at=AT)
    assert verdict(told, [suppression("bounced")], AT, ()) is Reason.EXPIRED
    assert verdict(facts("transactional", expires_at=AT + HOUR), [], AT, ()) is None
    assert settled_as(Reason.EXPIRED) is State.EXPIRED
    assert settled_as(Reason.SUPPRESSED) is State.DROPPED


def test_only_to_lets_named_recipients_and_domains_pass() -> None:
    only = ("@shop.example", "tester@example.com", "+48600100200")
    assert allowed_here("Anna@Shop.Example", only)
    assert allowed_here("tester@example.com", only)
    assert allowed_here("+48600100200", only)
    assert not allowed_here("anna@evil-shop.example", only)
    assert not allowed_here("anna@example.com", only)
    assert verdict(facts("transactional"), [], AT, only) is Reason.NOT_ALLOWED_HERE


def test_an_address_has_one_fingerprint_per_key_whatever_its_case() -> None:
    one, other = fingerprints("email", "Anna@Example.com ", ["new-key", "old-key"])
    assert [one, other] == fingerprints("email", "anna@example.com", ["new-key", "old-key"])
    assert one != other
    assert fingerprints("sms", "anna@example.com", ["new-key"]) != [one]


def test_only_a_hard_bounce_suppresses() -> None:
    assert suppressed_by("bounced", {"hard": True}) == "bounced"
    assert suppressed_by("bounced", {"hard": False}) is None
    assert suppressed_by("complained", {}) == "complained"
    assert suppressed_by("unsubscribed", {}) == "unsubscribed"
    assert suppressed_by("refused", {"hard": True}) is None
