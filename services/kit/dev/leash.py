"""A child server that dies with its parent, however the parent dies."""

from __future__ import annotations

import subprocess
from typing import Self

# The parent alone holds the writing end of this script's input: when the parent is gone, `cat` ends.
_WATCH = 'cat >/dev/null; kill -9 "$0" 2>/dev/null'


class Leash:
    """Kills process `pid` with SIGKILL once this process has ended, even by SIGKILL itself."""

    def __init__(self, pid: int) -> None:
        self._watch = subprocess.Popen(  # noqa: S603 -- a constant script and a number
            ["/bin/sh", "-c", _WATCH, str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def release(self) -> None:
        """Let the process outlive its parent; to be called before it ends, so that a reused pid is safe."""
        self._watch.kill()
        self._watch.wait()
        if self._watch.stdin:
            self._watch.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
