"""What the demonstration says when a service of its own does not live."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.demo.stage import play_beside
from services.kit.errors import Misconfigured


async def test_the_story_ends_with_the_last_words_of_a_service_that_has_ended(tmp_path: Path) -> None:
    log = tmp_path / "trigger-engine.log"
    log.write_text("early\n" * 20 + "Error: Port 8081 is taken.\n")
    ended = subprocess.Popen([sys.executable, "-c", "raise SystemExit(2)"])  # noqa: ASYNC220 -- as the stage does

    async def story() -> bool:
        await asyncio.Event().wait()
        return True

    with pytest.raises(Misconfigured, match=r"trigger-engine ended, exit code 2:\n(early\n){9}Error: Port 8081"):
        async with asyncio.timeout(30):
            await play_beside({log: ended}, story(), once=True)
