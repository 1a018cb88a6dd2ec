"""How every command answers: text for people or `--json`, an exit code, and never a traceback.

Exit codes: 0 done (warnings included), 1 an error, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from services.kit.errors import Misconfigured, Problem

INTERRUPTED = 130


@dataclass(frozen=True)
class Answer:
    """What a command found out: `text` for people, `data` for `--json`, and the exit code."""

    text: str
    data: Any
    code: int = 0


Work = Callable[[], Answer | Coroutine[Any, Any, Answer]]


def answer(work: Work, *, as_json: bool = False) -> int:
    """Do `work`, print its answer or what went wrong, and return the exit code."""
    try:
        result = work()
        found = result if isinstance(result, Answer) else run_async(result)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- whatever it is, a person gets a sentence
        return fail(error, as_json=as_json)
    show(found, as_json=as_json)
    return found.code


def run_async(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine on uvloop. SIGTERM cancels it, as SIGINT does, so that what it has opened is closed."""
    import asyncio
    import signal

    import uvloop

    async def cancellable() -> Answer:
        task = asyncio.current_task()
        if task:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return uvloop.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def show(found: Answer, *, as_json: bool) -> None:
    """Print an answer."""
    if not found.text and found.data is None:
        return
    text = json.dumps(found.data, ensure_ascii=False, indent=2, default=str) if as_json else found.text
    print(text)


def fail(error: Exception, *, as_json: bool) -> int:
    """Say what went wrong and what to do; return the exit code."""
    message = explain(error)
    if as_json:
        print(json.dumps({"error": message}, ensure_ascii=False))
    else:
        print(f"Error: {message}", file=sys.stderr)
    return 1


def explain(error: Exception) -> str:
    """One sentence or two about `error`, for the person who typed the command."""
    if isinstance(error, Problem):
        return str(error)
    if "asyncpg" in sys.modules and (said := _explain_database(error)):
        return said
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    if os.environ.get("WICI_LOG") == "json":
        from services.kit.telemetry.logs import Log, Logger, configure

        configure("json")
        Logger().error(Log.SERVICE_FAILED, error, service="cli")
        return f"{type(error).__name__}: {error}. The log line above has the details."
    said = str(error).split("\n", maxsplit=1)[0][:300]
    return f"Unexpected: {type(error).__name__}: {said}. Run it again with WICI_LOG=json to see the details."


def _explain_database(error: Exception) -> str:
    import asyncpg

    if isinstance(error, asyncpg.UndefinedTableError | asyncpg.InvalidSchemaNameError | asyncpg.UndefinedColumnError):
        return "The database does not have this version's schema. Run: wici migrate"
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return f"The database refuses: {error}. Grant it to the user of WICI_DATABASE_URL."
    if isinstance(error, asyncpg.PostgresConnectionError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return f"The connection to the database was lost ({error}). Run it again."
    return ""


def table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> str:
    """Columns of text under a header."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)
    return "\n".join(lines)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone. Without a terminal, only `--yes` agrees."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Misconfigured(f"{question} There is no terminal to ask at: add --yes to agree.")
    if input(f"{question} [y/N] ").strip().casefold() not in {"y", "yes", "t", "tak"}:
        raise Misconfigured("Nothing was done.")
