"""Locks between processes and free ports, for servers that several processes may want to start."""

from __future__ import annotations

import fcntl
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOWEST, _LINUX_EPHEMERAL = 20_000, 32_768


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path` (made if missing); the kernel frees it if this process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def free_port(together: int = 1) -> int:
    """Return the first of so many successive TCP ports of loopback that nobody listens on at this moment.

    It is below those that kernels give to outgoing connections (RFC 6335 §6: 49152 and more; Linux: 32768 and more), of
    which one may take it before a server does.
    """
    while True:
        first = random.randrange(_LOWEST, _LINUX_EPHEMERAL - together)  # noqa: S311 -- no secret
        if all(_is_free(port) for port in range(first, first + together)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
