"""What every provider keeps to, whatever its language: the family's rules, on its pure functions."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kit.errors import Misconfigured
from services.kit.http import HttpResponse
from services.notifier.providers import PROVIDERS
from services.notifier.providers.base import (
    Accepted,
    Answered,
    CallbackRefused,
    CallbackRequest,
    Outgoing,
    Rejected,
    RejectedBatch,
    Throttled,
    Unanswered,
    Unauthorized,
)
from services.notifier.providers.settings import option_names
from tests.contract.provider_cases import ATTEMPT, CASES, JSON, NOW, SECRETS, SEND_KEY, Case, every, over_http


def test_registry_and_cases_name_the_same_providers() -> None:
    assert {case.name for case in CASES} == set(PROVIDERS)
    assert all(name == provider.name for name, provider in PROVIDERS.items())


# --- the request -----------------------------------------------------------------------------------------------------


@every
def test_a_repeat_has_the_same_bytes(case: Case) -> None:
    """Also when headers and tags come back from the database in another order."""
    first = case.outgoing()
    again = case.outgoing(
        headers=dict(reversed(first.headers.items())),
        tags=dict(reversed(first.tags.items())),
    )
    one = case.provider.request(case.call(first), case.settings())
    two = case.provider.request(case.call(again, repeat=True), case.settings())
    assert one == two


@every
def test_another_attempt_or_message_has_other_bytes_or_another_key(case: Case) -> None:
    one = case.provider.request(case.call(), case.settings())
    other = case.provider.request(msgspec.structs.replace(case.call(), attempt_id=bytes(16)), case.settings())
    assert (one != other) == (case.provider.idempotency is not None)
    text = "inny"
    changed = case.outgoing(sms=text) if "sms" in case.member else case.outgoing(subject=text)
    assert case.provider.request(case.call(changed), case.settings()).body != one.body


@every
def test_the_attempts_id_travels_as_idempotency_key_where_it_is_promised(case: Case) -> None:
    request = case.provider.request(case.call(), case.settings())
    travels = ATTEMPT.hex() in (str(request.headers).replace("-", "") + request.body.decode())
    assert travels == (case.provider.idempotency is not None)
    if case.header:
        assert case.header in request.headers


@every
def test_the_send_key_or_attempt_id_travels_with_the_message(case: Case) -> None:
    body = case.provider.request(case.call(), case.settings()).body.decode()
    assert SEND_KEY.hex() in body or ATTEMPT.hex() in body


@over_http
def test_base_url_replaces_the_vendors_address(case: Case) -> None:
    request = case.provider.request(case.call(), case.settings(base_url="http://127.0.0.1:9/sink/"))
    assert request.url == "http://127.0.0.1:9/sink" + case.path
    assert case.provider.request(case.call(), case.settings()).url.startswith("https://")


@every
def test_a_batch_takes_no_more_than_the_provider_and_the_account_allow(case: Case) -> None:
    provider = case.provider
    assert provider.members_per_call(case.settings()) == provider.max_batch
    assert provider.members_per_call(case.settings(batch=1)) == 1
    assert provider.members_per_call(case.settings(batch=100_000)) == provider.max_batch
    assert (provider.max_batch > 1) == (provider.batch != "none")


# --- the answer ------------------------------------------------------------------------------------------------------


@every
def test_a_good_answer_accepts_the_member(case: Case) -> None:
    result = case.provider.interpret(case.call(), case.good)
    assert isinstance(result, Answered)
    (outcome,) = result.outcomes
    assert isinstance(outcome, Accepted)
    assert outcome.provider_id


@every
def test_a_validation_error_is_final_for_one_message(case: Case) -> None:
    result = case.provider.interpret(case.call(), case.invalid)
    assert isinstance(result, Answered)
    (outcome,) = result.outcomes
    assert isinstance(outcome, Rejected)
    assert outcome.code


@pytest.mark.parametrize("case", [c for c in CASES if c.provider.max_batch > 1], ids=lambda case: case.name)
def test_a_validation_error_of_a_batch_names_no_member(case: Case) -> None:
    call = case.call(case.outgoing(), case.outgoing(bytes(16)))
    assert isinstance(case.provider.interpret(call, case.invalid), RejectedBatch)


@every
@pytest.mark.parametrize("repeat", [False, True])
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 520, 100, 600])
def test_a_5xx_or_an_answer_that_says_nothing_is_unanswered_never_a_refusal(
    case: Case, status: int, repeat: bool
) -> None:
    assert isinstance(case.provider.interpret(case.call(repeat=repeat), HttpResponse(status)), Unanswered)


@every
@pytest.mark.parametrize("status", [301, 302, 307, 401, 402, 403, 404, 405])
def test_the_accounts_trouble_is_not_the_messages(case: Case, status: int) -> None:
    result = case.provider.interpret(case.call(), HttpResponse(status, {}, b"{}"))
    assert isinstance(result, Unauthorized)
    assert result.code
    assert result.message is not None


@every
@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Sun, 22 Nov 2026 10:01:00 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 60.0),
        ({"retry-after": "Sun, 22 Nov 2026 10:01:00 GMT"}, None),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "3"}, 3.0),
        ({"x-ratelimit-reset": "1795341660", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 60.0),
        ({"x-ratelimit-reset": "1795341660"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
def test_429_waits_as_long_as_the_provider_says(case: Case, headers: dict[str, str], after: float | None) -> None:
    result = case.provider.interpret(case.call(), HttpResponse(429, headers, b"{}"))
    assert isinstance(result, Throttled)
    assert result.after == after


ANSWER_WORDS = st.sampled_from(["id", "data", "list", "error", "message", "name", "errors", "field", "count"])
HOSTILE_ANSWERS = st.binary(max_size=200) | st.dictionaries(ANSWER_WORDS, JSON, max_size=5).map(msgspec.json.encode)


@every
@settings(max_examples=150, deadline=None)
@given(status=st.integers(100, 999), body=HOSTILE_ANSWERS, header=st.text(max_size=30))
def test_no_answer_whatever_makes_interpret_raise_or_lose_a_member(
    case: Case, status: int, body: bytes, header: str
) -> None:
    headers = {"retry-after": header, "x-ratelimit-reset": header, "date": header, "x-message-id": header}
    result = case.provider.interpret(case.call(), HttpResponse(status, headers, body))
    if isinstance(result, Answered):
        assert len(result.outcomes) == 1


# --- secrets and settings --------------------------------------------------------------------------------------------


@every
def test_secrets_show_in_no_repr_and_no_message(case: Case) -> None:
    own = case.settings()
    request = case.provider.request(case.call(), own)
    shown = [repr(own), str(own), repr(request), str(request), repr(request.__rich_repr__())]
    with pytest.raises(Misconfigured) as caught:
        case.settings(no_such_option="$API_KEY")
    shown += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    if case.callback:
        forged = CallbackRequest("POST", "wrong", {}, "", b"", NOW)
        with pytest.raises(CallbackRefused) as refused:
            case.provider.verify(own, forged)
        shown.append(str(refused.value))
    assert not [secret for secret in SECRETS for text in shown if secret in text]


@over_http
def test_a_secret_written_out_or_missing_is_refused_without_being_shown(case: Case) -> None:
    name = next(iter(case.options))
    with pytest.raises(Misconfigured, match=name) as written:
        case.settings(**{name: "written-out-secret"})
    assert "written-out-secret" not in str(written.value)
    assert "$NAME" in str(written.value)
    with pytest.raises(Misconfigured, match="NOT_SET"):
        case.settings(**{name: "$NOT_SET"})


@every
@pytest.mark.parametrize(
    "options", [{"base_url": "sink"}, {"base_url": "ftp://x"}, {"rate": 0}, {"rate": "fast"}, {"batch": 0}, {"x": 1}]
)
def test_a_wrong_option_is_refused_with_the_accounts_name(case: Case, options: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured, match="account main"):
        case.settings(**options)


@every
def test_option_names_are_those_that_an_account_may_set(case: Case) -> None:
    names = option_names(case.provider.settings)
    assert {"base_url", "rate", "batch", *case.options} <= set(names)


@every
@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=50).filter(lambda text: text.isprintable()), key=st.binary(min_size=16, max_size=16))
def test_any_text_makes_a_request_and_its_repeat(case: Case, text: str, key: bytes) -> None:
    member = Outgoing(key, case.member["recipient"], text, text, text, text, text, {"X-Note": text}, text, {"t": text})
    own = case.settings()
    request = case.provider.request(case.call(member), own)
    assert request == case.provider.request(case.call(member), own)
    assert not [value for value in request.headers.values() if "\n" in value]
