"""The audit log: who changed what customers hear, when, from which commit. Rows of `workspace.audit` are only added."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import asyncpg
import msgspec

Act = Literal["publish", "rollback", "pause", "resume"]
GIT_SECONDS = 5.0
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""Settings of a repository may name programs; asking what is checked out must run none of them."""
_ADD = """
    INSERT INTO workspace.audit (at, who, act, scope, version, commit_id, dirty, digest)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""
_READ = """
    SELECT at, who, act, scope, version, commit_id, dirty, digest FROM workspace.audit ORDER BY id DESC LIMIT $1"""


class Commit(msgspec.Struct, frozen=True):
    """What was checked out: `dirty` if the folder had changes that no commit has."""

    id: str
    dirty: bool


class Entry(msgspec.Struct, frozen=True):
    """One line of the log. `scope` is what was paused or resumed; `version` what was published or came back."""

    at: datetime
    who: str
    act: Act
    scope: str | None = None
    version: int | None = None
    commit_id: str | None = None
    dirty: bool | None = None
    digest: bytes | None = None


def author() -> str:
    """Who does it, for the record: user@host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def commit_of(folder: Path) -> Commit | None:
    """What `folder` is a checkout of; None without git, without a repository, or when git does not answer."""
    head = _git(folder, "rev-parse", "--verify", "HEAD")
    if not head:
        return None
    changes = _git(folder, "status", "--porcelain", "--", ".")
    return Commit(head.strip(), dirty=changes is None or bool(changes.strip()))


def _git(folder: Path, *words: str) -> str | None:
    """What git says of a folder, or None."""
    try:
        done = subprocess.run(  # noqa: S603 -- words of our own, no shell
            [*_GIT, "-C", str(folder), *words],
            capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=GIT_SECONDS, check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout if done.returncode == 0 else None


async def add(connection: asyncpg.Connection[Any], entry: Entry) -> None:
    """Put a line on record, in the transaction of what it tells of."""
    await connection.execute(_ADD, *(getattr(entry, field) for field in Entry.__struct_fields__))


async def newest(connection: asyncpg.Connection[Any], most: int) -> list[Entry]:
    """The newest lines, the newest first."""
    return [Entry(**dict(row)) for row in await connection.fetch(_READ, most)]
