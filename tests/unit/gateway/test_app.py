"""What a sender gets for what it sends, and what is written."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from services.contracts import ids, stamp
from services.gateway.cloudevents import BATCH
from services.gateway.limits import MAX_BODY_BYTES, MAX_DISCARDED_BYTES
from services.gateway.problems import MAX_FAULTS
from services.kit.bus import Outgoing
from services.kit.errors import TryAgain
from services.kit.problems import MEDIA_TYPE

from .events import CUSTOMER, ORDER, cart_updated, order_placed, raw
from .served import BROWSER, SECRETS, SERVER, WAIT, Answer, Served

BATCHED = SERVER | {"content-type": BATCH}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def written(event: dict[str, Any], headers: dict[str, str] = SERVER) -> Outgoing:
    served = Served()
    answer = await served.ask(raw(event), headers)
    assert answer.status == 202, answer.body
    (record,) = served.bus.records
    return record


def refusal(answer: Answer, status: int, served: Served) -> Any:
    """The problem document of a refusal that published nothing."""
    assert (answer.status, answer.headers["content-type"]) == (status, MEDIA_TYPE), answer.body
    assert served.bus.records == []
    problem = answer.json
    assert problem["status"] == status
    assert problem["detail"].endswith((".", "?"))
    return problem


async def test_taken_event_is_answered_with_its_computed_id() -> None:
    answer = await Served().ask(raw(order_placed()))
    assert answer.json == {"accepted": 1, "ids": [ids.text(ids.http_event("backend", "backend", "e-1"))]}
    assert answer.headers["content-type"] == "application/json"


async def test_same_event_again_gets_the_same_id() -> None:
    served = Served()
    assert (await served.ask(raw(order_placed()))).json == (await served.ask(raw(order_placed(time=None)))).json


async def test_complete_event_is_written_byte_for_byte() -> None:
    assert (await written(order_placed())).value == raw(order_placed())


async def test_record_goes_to_the_topic_of_this_installation_under_the_customer() -> None:
    record = await written(order_placed())
    assert (record.topic, record.key) == ("test.wici.events", b"c-1")


async def test_stamp_vouches_for_the_bytes_that_are_written() -> None:
    record = await written(order_placed(time=None))
    assert record.value is not None
    said = stamp.read(dict(record.headers)[stamp.HEADER], record.value, SECRETS)
    assert said == stamp.Stamp(ids.http_event("backend", "backend", "e-1"), "backend", "server")


async def test_stamp_of_a_page_says_browser_and_takes_no_id_of_the_server() -> None:
    record = await written(cart_updated(), BROWSER)
    assert record.value is not None
    said = stamp.read(dict(record.headers)[stamp.HEADER], record.value, SECRETS)
    assert said is not None
    assert said.scope == "browser"
    assert said.id != ids.http_event("backend", "backend", "e-1")


async def test_event_without_time_gets_its_arrival() -> None:
    value = (await written(order_placed(time=None))).value
    assert json.loads(value or b"") == order_placed(time="2026-11-22T12:00:00Z")


async def test_customer_without_subject_is_written_with_one() -> None:
    record = await written(order_placed(subject=None))
    assert (json.loads(record.value or b"")["subject"], record.key) == ("c-1", b"c-1")


async def test_email_becomes_a_key_that_does_not_show_it() -> None:
    record = await written(
        order_placed(subject=None, data={"customer": {"email": " Anna@Example.com "}, "order": ORDER})
    )
    expected = hmac.new(SECRETS[0].encode(), b"anna@example.com", hashlib.sha256).hexdigest()
    assert record.key == expected.encode()


async def test_visitor_is_the_key_where_nobody_is_known() -> None:
    assert (await written(cart_updated())).key == b"a-1"


async def test_event_about_nobody_has_its_own_id_as_key() -> None:
    record = await written(order_placed(type="product.updated", subject=None, data={"product": {"id": "p"}}))
    assert record.key == ids.text(ids.http_event("backend", "backend", "e-1")).encode()


async def test_trace_of_the_sender_is_kept() -> None:
    record = await written(order_placed(), SERVER | {"traceparent": TRACE})
    assert dict(record.headers)["traceparent"] == TRACE.encode()


async def test_trace_of_the_event_comes_before_that_of_the_request() -> None:
    own = TRACE.replace("4bf9", "aaaa")
    record = await written(order_placed(traceparent=own), SERVER | {"traceparent": TRACE})
    assert dict(record.headers)["traceparent"] == own.encode()


@pytest.mark.parametrize("given", ["", "nonsense", TRACE.upper(), "00-" + "0" * 32 + "-00f067aa0ba902b7-01"])
async def test_trace_begins_here_where_none_came(given: str) -> None:
    made = dict((await written(order_placed(), SERVER | {"traceparent": given})).headers)["traceparent"].decode()
    assert len(made) == len(TRACE)
    assert made != given


async def test_batch_is_written_whole_and_in_order() -> None:
    served = Served()
    answer = await served.ask(raw([order_placed(id=str(n)) for n in range(3)]), BATCHED)
    assert answer.json["ids"] == [ids.text(ids.http_event("backend", "backend", str(n))) for n in range(3)]
    assert [json.loads(record.value or b"")["id"] for record in served.bus.records] == ["0", "1", "2"]


async def test_same_event_twice_in_a_batch_is_taken_under_one_id() -> None:
    answer = await Served().ask(raw([order_placed(), order_placed()]), BATCHED)
    assert answer.json["accepted"] == 2
    assert len(set(answer.json["ids"])) == 1


async def test_batch_with_one_bad_event_is_refused_whole_and_says_which() -> None:
    served = Served()
    events = [
        order_placed(id="good"),
        order_placed(id="bad", type="order.plced"),
        7,
        order_placed(id="", subject="c-2"),
    ]
    problem = refusal(await served.ask(raw(events), BATCHED), 422, served)
    assert [(e["index"], e["id"]) for e in problem["errors"]] == [(1, "bad"), (2, None), (3, None)]
    assert all(e["error"] and e["hint"] for e in problem["errors"])
    assert "3 of 4" in problem["detail"]


async def test_list_of_errors_ends() -> None:
    served = Served()
    problem = refusal(await served.ask(raw([{}] * (MAX_FAULTS + 9)), BATCHED), 422, served)
    assert len(problem["errors"]) == MAX_FAULTS


@pytest.mark.parametrize("key", ["Bearer wrong", "Basic x", ""])
async def test_bad_key_is_401_before_the_body_is_looked_at(key: str) -> None:
    served = Served()
    answer = await served.ask(b"{not json", SERVER | {"authorization": key})
    refusal(answer, 401, served)
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_own_type_of_the_workspace_is_taken_when_its_schema_holds() -> None:
    served = Served()
    problem = refusal(await served.ask(raw(order_placed(type="ring.sized", data={"size": "12"}))), 422, served)
    assert "data['size']" in problem["detail"]
    assert (await served.ask(raw(order_placed(type="ring.sized", data={"size": 12})))).status == 202


async def test_without_a_workspace_nothing_is_taken_and_the_answer_says_what_to_run() -> None:
    served = Served(workspace=None)
    answer = await served.ask(raw(order_placed()))
    assert "wici apply" in refusal(answer, 503, served)["detail"]
    assert int(answer.headers["retry-after"]) >= 1
    assert served.gateway.ready()[0] is False


async def test_silent_bus_is_503_with_the_time_to_wait() -> None:
    served = Served()
    served.bus.error = TryAgain("silent", timedelta(seconds=5))
    answer = await served.ask(raw(order_placed()))
    refusal(answer, 503, served)
    assert answer.headers["retry-after"] == "5"


async def test_body_in_many_chunks_is_one_body() -> None:
    served = Served()
    assert (await served.ask([bytes([byte]) for byte in raw(order_placed())])).status == 202


async def test_body_over_1_mb_is_read_to_its_end_and_refused() -> None:
    served = Served()
    left = iter([b"x" * 65_536] * (MAX_BODY_BYTES // 65_536 + 1))
    refusal(await served.ask(left), 413, served)
    assert next(left, None) is None


async def test_body_without_an_end_is_given_up_after_16_mb() -> None:
    served = Served()
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024 * 1024
            yield b"x" * 1024 * 1024

    answer = await served.ask(endless())
    refusal(answer, 413, served)
    assert answer.headers["connection"] == "close"
    assert sent <= MAX_DISCARDED_BYTES + 2 * 1024 * 1024


async def test_body_announced_beyond_16_mb_is_not_read() -> None:
    served = Served()
    refusal(await served.ask([WAIT], SERVER | {"content-length": str(MAX_DISCARDED_BYTES + 1)}), 413, served)


async def test_body_that_does_not_arrive_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.limits.BODY_SECONDS", 0.01)
    served = Served()
    refusal(await served.ask([b"{", WAIT]), 408, served)


async def test_compressed_body_is_415() -> None:
    served = Served()
    refusal(await served.ask(raw(order_placed()), SERVER | {"content-encoding": "gzip"}), 415, served)


async def test_curl_without_a_content_type_is_told_what_to_write() -> None:
    served = Served()
    form = SERVER | {"content-type": "application/x-www-form-urlencoded"}
    assert "application/cloudevents+json" in refusal(await served.ask(raw(order_placed()), form), 415, served)["detail"]


@pytest.mark.parametrize(("source", "says"), [("sklep", "no adapter"), ("nobody", "no source")])
async def test_webhook_is_404_and_says_what_is_missing(source: str, says: str) -> None:
    served = Served()
    problem = refusal(await served.ask(b"{}", path=f"/webhooks/{source}"), 404, served)
    assert says in problem["detail"]


async def test_unknown_path_is_404_in_json() -> None:
    served = Served()
    answer = await served.ask(b"", path="/v1/event")
    assert (answer.status, answer.headers["content-type"]) == (404, MEDIA_TYPE)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_wrong_method_is_405_and_names_the_right_one(method: str) -> None:
    answer = await Served().ask(method=method)
    assert answer.status == 405
    assert "POST" in answer.headers["allow"]


async def test_page_of_another_origin_may_call() -> None:
    served = Served()
    preflight = await served.ask(method="OPTIONS")
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, "*")
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert (await served.ask(raw(cart_updated()), BROWSER)).headers["access-control-allow-origin"] == "*"
    assert (await served.ask(b"", {})).headers["access-control-allow-origin"] == "*"


async def test_answer_never_repeats_the_key_or_the_customer() -> None:
    served = Served()
    answer = await served.ask(raw(order_placed(subject="c-2")))
    refusal(answer, 422, served)
    assert not [
        word for word in ("server-key", CUSTOMER["email"], CUSTOMER["first_name"]) if word.encode() in answer.body
    ]
