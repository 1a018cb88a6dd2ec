"""Every provider over a real connection: what of a broken call may be made again, and what nobody knows."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence

import pytest

from services.kit.errors import Misconfigured
from services.kit.http import LARGEST_ANSWER, Http, HttpRequest, NoAnswer
from services.notifier.providers import mailbox
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Call,
    Concurrent,
    Mismatch,
    NotSent,
    Rejected,
    Result,
    Throttled,
    Unanswered,
    Unauthorized,
    call,
)
from tests.contract.provider_cases import ATTEMPT, CASES, OVER_HTTP, RESEND, SEND_KEY, Case, over_http
from tests.support.provider_ledger import Fault
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

remembering = pytest.mark.parametrize(
    "case", [c for c in OVER_HTTP if c.provider.idempotency], ids=lambda case: case.name
)


@pytest.fixture
def sink() -> Iterator[ProviderSink]:
    with ProviderSink() as sink:
        yield sink


async def made(case: Case, url: str, attempt: Call | None = None, patience: float = 15.0) -> Result:
    attempt = attempt or case.call()
    request = case.provider.request(attempt, case.settings(base_url=url))
    async with Http(patience, connect_timeout=min(5.0, patience / 2)) as http:
        return await call(http, case.provider, attempt, request)


def accepted(result: Result) -> Accepted:
    assert isinstance(result, Answered), result
    (outcome,) = result.outcomes
    assert isinstance(outcome, Accepted), outcome
    return outcome


@over_http
async def test_a_message_arrives_as_it_was_composed(case: Case, sink: ProviderSink) -> None:
    outcome = accepted(await made(case, sink.url))
    (message,) = sink.messages
    assert outcome.provider_id
    assert message.via == case.name
    assert message.to.removeprefix("+") == case.outgoing().recipient.removeprefix("+")
    assert message.body is not None
    assert (case.outgoing().sms or case.outgoing().html or "?") in message.body
    assert message.subject == case.outgoing().subject
    assert SEND_KEY.hex() in (message.send_key or "") or message.key == ATTEMPT.hex()


@over_http
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("throttled", Throttled),
        ("unauthorized", Unauthorized),
        ("server_error", Unanswered),
        ("server_error_taken", Unanswered),
        ("reset_taken", Unanswered),
        ("reset_lost", Unanswered),
        ("silent", Unanswered),
    ],
)
async def test_a_call_that_goes_wrong_is_known_for_what_it_is(
    case: Case, sink: ProviderSink, fault: Fault, expected: type[Result]
) -> None:
    """A reset or time-out after the request was read looks the same whether the message was taken or not."""
    sink.fail(fault)
    assert isinstance(await made(case, sink.url, patience=0.6 if fault == "silent" else 15.0), expected)
    assert len(sink.messages) == (fault in ("server_error_taken", "reset_taken", "silent"))


@over_http
async def test_429_waits_for_retry_after(case: Case, sink: ProviderSink) -> None:
    sink.fail("throttled")
    result = await made(case, sink.url)
    assert isinstance(result, Throttled)
    assert result.after == 2.0


@over_http
async def test_an_invalid_message_is_rejected_with_the_providers_code(case: Case, sink: ProviderSink) -> None:
    sink.fail("invalid")
    result = await made(case, sink.url)
    assert isinstance(result, Answered)
    assert isinstance(result.outcomes[0], Rejected)
    assert not sink.messages


@over_http
async def test_a_refused_connection_or_an_unknown_host_was_not_sent(case: Case) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert isinstance(await made(case, f"http://127.0.0.1:{port}"), NotSent)
    assert isinstance(await made(case, "http://no-such-host.invalid"), NotSent)


@over_http
async def test_a_peer_that_speaks_no_tls_was_sent_nothing(case: Case, sink: ProviderSink) -> None:
    assert isinstance(await made(case, sink.url.replace("http:", "https:"), patience=0.6), NotSent)
    assert not sink.messages


@over_http
async def test_a_connection_that_is_not_made_in_time_was_not_sent(case: Case) -> None:
    """A listener with a full backlog neither accepts nor refuses."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        held = [socket.socket() for _ in range(4)]
        for one in held:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        result = await made(case, f"http://127.0.0.1:{port}", patience=0.6)
        for one in held:
            one.close()
    assert isinstance(result, NotSent)


@remembering
@pytest.mark.parametrize("fault", ["reset_taken", "reset_lost", "server_error_taken", "garbage"])
async def test_a_repeat_of_an_unanswered_call_sends_once(case: Case, sink: ProviderSink, fault: Fault) -> None:
    sink.fail(fault)
    assert isinstance(await made(case, sink.url), Unanswered)
    accepted(await made(case, sink.url, repeated(case.call())))
    assert len(sink.messages) == 1
    assert sink.counts().duplicates == 0


def repeated(attempt: Call) -> Call:
    return Call(attempt.attempt_id, attempt.members, repeat=True)


async def test_a_repeat_without_idempotency_would_send_twice(sink: ProviderSink) -> None:
    """Why an unanswered call of SendGrid's is settled, never repeated."""
    case = next(case for case in CASES if case.name == "sendgrid")
    sink.fail("reset_taken")
    assert isinstance(await made(case, sink.url), Unanswered)
    accepted(await made(case, sink.url))
    assert sink.counts().duplicates == 1


async def test_the_same_key_with_another_body_is_a_mismatch(sink: ProviderSink) -> None:
    accepted(await made(RESEND, sink.url))
    changed = RESEND.call(RESEND.outgoing(subject="Inny temat"))
    assert isinstance(await made(RESEND, sink.url, changed), Mismatch)
    assert len(sink.messages) == 1
    assert sink.counts().mismatches == 1


async def test_a_key_whose_first_call_is_under_way_is_concurrent(sink: ProviderSink) -> None:
    sink.delay = 0.5
    first = asyncio.create_task(made(RESEND, sink.url))
    await eventually(lambda: sink.ledger.in_flight)
    sink.delay = 0.0
    assert isinstance(await made(RESEND, sink.url), Concurrent)
    accepted(await first)
    assert len(sink.messages) == 1


async def test_a_batch_gives_each_member_its_own_id_in_order(sink: ProviderSink) -> None:
    members = [RESEND.outgoing(bytes([n] * 16), recipient=f"c{n}@example.com") for n in range(100)]
    result = await made(RESEND, sink.url, RESEND.call(*members))
    assert isinstance(result, Answered)
    assert len({outcome.provider_id for outcome in result.outcomes if isinstance(outcome, Accepted)}) == 100
    assert [message.to for message in sink.messages] == [member.recipient for member in members]
    assert [message.send_key for message in sink.messages] == [member.send_key.hex() for member in members]


async def test_a_dropped_idle_connection_does_not_make_the_next_call_unanswered(sink: ProviderSink) -> None:
    request = RESEND.provider.request(RESEND.call(), RESEND.settings(base_url=sink.url))
    async with Http() as http:
        sink.fail("reset_lost")
        with pytest.raises(NoAnswer):
            await http.send(request)
        assert (await http.send(request)).status == 200


async def test_a_redirect_is_not_followed() -> None:
    """Following it would send the key and the message somewhere else."""
    answer = b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    assert isinstance(await answered_by(answer), Unauthorized)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: minus one\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_an_answer_that_is_cut_or_malformed_is_unanswered(answer: bytes) -> None:
    assert isinstance(await answered_by(answer), Unanswered)


async def test_an_endless_answer_is_read_no_further_than_its_bound() -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (3 * LARGEST_ANSWER)
    server, url = await player(answer)
    async with server, Http() as http:
        response = await http.send(HttpRequest("POST", url, {}, b"{}"))
    assert len(response.body) == LARGEST_ANSWER


async def test_an_address_that_is_none_is_the_operators_matter() -> None:
    async with Http() as http:
        with pytest.raises(Misconfigured):
            await http.send(HttpRequest("POST", "not an address", {}, b""))


async def test_a_connect_time_out_longer_than_the_whole_is_refused() -> None:
    with pytest.raises(Misconfigured):
        Http(timeout=5.0, connect_timeout=5.0)


async def answered_by(answer: bytes) -> Result:
    server, url = await player(answer)
    async with server:
        return await made(RESEND, url, patience=2.0)


async def player(answer: bytes) -> tuple[asyncio.Server, str]:
    """A server that reads a request and gives `answer`, whatever it is."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            writer.write(answer)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class Rows:
    """A store in a dictionary, that fails when told to."""

    def __init__(self) -> None:
        self.kept: dict[str, mailbox.Row] = {}
        self.broken = False

    async def put(self, rows: Sequence[mailbox.Row]) -> None:
        self.kept = {row.send_key: row for row in rows} | self.kept
        if self.broken:
            raise ConnectionError


async def test_the_mailbox_keeps_each_message_once_and_says_when_it_does_not_know() -> None:
    case = next(case for case in CASES if case.name == "mailbox")
    attempt = case.call(case.outgoing(), case.outgoing(bytes(16), recipient="+48500600700", sms="Cześć"))
    request = case.provider.request(attempt, case.settings())
    rows = Rows()
    rows.broken = True
    assert isinstance(await call(mailbox.Mailbox(rows), case.provider, attempt, request), Unanswered)
    rows.broken = False
    result = await call(mailbox.Mailbox(rows), case.provider, repeated(attempt), request)
    assert isinstance(result, Answered)
    assert [row.send_key for row in rows.kept.values()] == [SEND_KEY.hex(), bytes(16).hex()]
    assert rows.kept[SEND_KEY.hex()].html == case.outgoing().html
