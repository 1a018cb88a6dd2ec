"""The played providers as a process of their own: tests that kill and flood rely on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import msgspec
import pytest

from services.kit.http import Http, HttpRequest, NoAnswer
from tests.contract.provider_cases import RESEND
from tests.support.provider_ledger import Counts, Taken
from tests.support.provider_sink import Faults


@pytest.fixture
def url() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.provider_sink", "--lean"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


async def test_it_counts_what_it_took_and_goes_wrong_on_demand(url: str) -> None:
    message = RESEND.provider.request(RESEND.call(), RESEND.settings(base_url=url))
    other = RESEND.provider.request(
        msgspec.structs.replace(RESEND.call(), attempt_id=bytes(16)), RESEND.settings(base_url=url)
    )
    faults = msgspec.json.encode(Faults(next=["server_error_taken", "reset_lost"]))
    async with Http() as http:
        assert (await http.send(HttpRequest("POST", url + "/_faults", {}, faults))).status == 204
        assert (await http.send(message)).status == 500
        with pytest.raises(NoAnswer):
            await http.send(message)
        assert (await http.send(message)).status == 200
        assert (await http.send(other)).status == 200
        counts = await http.send(HttpRequest("GET", url + "/_counts", {}))
        taken = await http.send(HttpRequest("GET", url + "/_messages?after=1", {}))
        assert (await http.send(HttpRequest("GET", url + "/nowhere", {}))).status == 404
    found = msgspec.json.decode(counts.body, type=Counts)
    assert (found.total, found.requests, found.duplicates, found.mismatches) == (2, 4, 1, 0)
    assert found.by_recipient == {"anna@example.com": 2}
    (second,) = msgspec.json.decode(taken.body, type=list[Taken])
    assert (second.to, second.subject, second.body) == ("anna@example.com", "Dziękujemy, Łucjo!", None)
