"""The README's first steps, walked: a new workspace, everything in one process, one order, one e-mail."""

from __future__ import annotations

import json
import shlex
import urllib.request
from pathlib import Path
from typing import Any

from tests.acceptance.installation import KEY, Installation, status
from tests.docs.markdown import block
from tests.docs.requests import request
from tests.support.waiting import eventually


def mailbox(wici: Installation) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{wici.notifier}/mailbox.json", timeout=10) as answer:  # noqa: S310 -- loopback
        shown: list[dict[str, Any]] = json.load(answer)
        return shown


def metrics(wici: Installation) -> str:
    with urllib.request.urlopen(f"{wici.engine}/metrics", timeout=10) as answer:  # noqa: S310 -- loopback
        text: str = answer.read().decode()
        return text


def steps(wici: Installation) -> list[list[str]]:
    """The wici commands of the README's block, with `shop` in the test's own folder."""
    lines = block("README.md", "sh", "wici init").splitlines()
    typed = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("wici ")]
    return [[str(wici.folder / word) if word == "shop" else word for word in words] for words in typed]


async def test_the_readmes_first_steps_bring_the_order_and_its_email_once(tmp_path: Path, database_url: str) -> None:
    environ = {"WICI_DATABASE_URL": database_url, "WICI_WORKSPACE": str(tmp_path / "shop")}
    with Installation(tmp_path, environ) as wici:
        *first, last = steps(wici)
        for typed in first:
            done = wici.command(*typed)
            assert done.returncode == 0, done.stdout + done.stderr
        assert last == ["up"]
        wici.start(*last)
        wici.wait_until_ready()
        order = request(block("README.md", "sh", "curl -i"), KEY)
        for _ in range(2):
            assert status(wici.gateway + order.path, order.body.encode(), order.headers) == 202
        await eventually(lambda: 'wici_decisions_total{reason="duplicate"} 1.0' in metrics(wici), 30)
        await eventually(lambda: mailbox(wici), 30)
        (said,) = mailbox(wici)
        assert said["message"]["recipient"] == "anna@example.com"
        assert said["message"]["subject"] == "Thank you for your first order!"
