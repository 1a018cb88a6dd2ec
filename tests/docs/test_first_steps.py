"""The page of first steps, walked as it is written: every command in a shell, and every answer as it is shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from services.kit.dev.files import free_port
from services.kit.dev.leash import Leash
from tests.acceptance.installation import status
from tests.docs.markdown import ROOT, blocks
from tests.docs.requests import request
from tests.support.waiting import eventually

PAGE = ROOT / "docs/first-steps.md"
KEY = "try-it-with-a-key-of-your-own"
VARYING = (  # from one day, machine and clone to the next
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "<moment>"),
    (re.compile(r"\d+ ms"), "<some> ms"),
    (re.compile(r"\d+ files"), "<some> files"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{12}([0-9a-f]{20})?\b"), "<id>"),
    (re.compile(r"\S+@\S+"), "<somebody>"),
    (re.compile(r" +"), " "),
)


def scenes() -> Iterator[tuple[str, str | None]]:
    """What is typed, and what is shown after it."""
    said = [block for block in blocks(PAGE) if block.language in {"sh", ""}]
    for block, after in zip(said, [*said[1:], None], strict=True):
        if block.language == "sh":
            yield block.text, after.text if after and not after.language else None


def plain(answer: str) -> str:
    """Without what varies."""
    for pattern, name in VARYING:
        answer = pattern.sub(name, answer)
    return answer.strip()


class Terminal:
    """A shell that stays in its folder and keeps what is exported; and another one, in which wici serves."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, str(free_port())
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("WICI_", "GIT_"))}
        self._environ = outside | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "WICI_PORT": self._port,
            "HOME": str(folder),
        }
        (folder / ".gitconfig").write_text("[user]\nname = Anna\nemail = anna@example.com\n")
        self._here, self._exported = folder / "here", folder / "exported"
        self._here.write_text(str(folder))
        self._exported.write_text("")
        self._serving: tuple[subprocess.Popen[bytes], Leash] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._serving:
            process, leash = self._serving
            leash.release()
            process.terminate()
            process.wait(30)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def type(self, text: str) -> str:
        """Run a block; what it prints."""
        done = subprocess.run(self._shell(text), env=self._environ, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def post(self, text: str) -> str:
        """Send what a curl command sends; what is answered."""
        asked = request(text, KEY)
        posted = urllib.request.Request(self.url + asked.path, asked.body.encode(), asked.headers)  # noqa: S310 -- loopback
        with urllib.request.urlopen(posted, timeout=10) as answer:  # noqa: S310 -- loopback
            said: str = answer.read().decode()
            return said

    def serve(self, text: str) -> None:
        """Run a block whose last line stays."""
        *before, last = text.splitlines()
        self.type("\n".join(before))
        with (self._folder / "up.log").open("wb") as log:
            process = subprocess.Popen(self._shell(f"exec {last}"), env=self._environ, stdout=log, stderr=log)
        self._serving = process, Leash(process.pid)

    def mails(self) -> int:
        """How many are in the mailbox."""
        with urllib.request.urlopen(f"{self.url}/mailbox.json", timeout=10) as answer:  # noqa: S310 -- loopback
            return bytes(answer.read()).count(b'"send_key"')

    def _shell(self, text: str) -> list[str]:
        before = f'source {self._exported}; cd "$(cat {self._here})"'
        after = f"export -p > {self._exported}; pwd > {self._here}"
        return ["bash", "-c", f"{before}\n{text}\n{after}"]


async def test_everything_on_the_page_answers_as_it_says(tmp_path: Path) -> None:
    mails = 0
    with Terminal(tmp_path) as terminal:
        for typed, shown in scenes():
            if typed.splitlines()[-1].startswith("wici up"):
                terminal.serve(typed)
                await eventually(lambda: status(f"{terminal.url}/readyz") == 200, 90)
                continue
            said = terminal.post(typed) if typed.startswith("curl") else terminal.type(typed)
            if typed.startswith("curl"):
                mails += 1
                await eventually(lambda: terminal.mails() == mails, 30)  # noqa: B023 -- asked before it changes
            if typed.startswith("wici explain"):
                await eventually(lambda: plain(terminal.type(typed)) == plain(shown or ""), 30)  # noqa: B023 -- likewise
            elif shown is not None:
                assert plain(said) == plain(shown), typed
    assert mails == 2
