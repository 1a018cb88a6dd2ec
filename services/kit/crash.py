"""Crash points: places where a test lets the process die as by a power cut, to prove that nothing is lost or doubled.

`WICI_CRASH_AT=notifier.claimed` ends the process by SIGKILL when that point is first reached, `notifier.claimed:3` the
third time. Without the variable, a point costs one comparison.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "WICI_CRASH_AT"

_name, _, _count = os.environ.get(VARIABLE, "").partition(":")
_left = int(_count or 1)


def point(name: str) -> None:
    """Die here if the environment says so."""
    if _name and name == _name:
        _pass()


def _pass() -> None:
    global _left  # noqa: PLW0603 -- one process dies once
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
