"""A real Chromium, found or installed where that is allowed; a missing one is a failure that says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str:
    """The path of a Chromium."""
    if not _found() and os.geteuid() == 0 and shutil.which("apt-get"):
        environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        wait = ("-o", "DPkg::Lock::Timeout=300")
        subprocess.run(
            ["apt-get", *wait, "install", "-y", "--no-install-recommends", "chromium"], env=environ, check=False
        )
    found = _found()
    if found is None:
        raise RuntimeError("this test needs Chromium: apt-get install chromium")
    return found


def _found() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser without a window. Root has no user namespaces to shut it in, so it runs without its sandbox."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=arguments)
        try:
            yield browser
        finally:
            await browser.close()
