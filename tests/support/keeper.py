"""Shared servers of one test run: the first test that needs one starts it, the end of the run ends it.

All processes of a run (pytest-xdist's workers) share the folder named by WICI_TEST_RUN. The run's first process holds a
lock there; a keeper process owns each server and waits for that lock, so that a killed run leaves nothing behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from services.kit.database.embedded import Server, start_postgres
from services.kit.dev.files import locked
from services.kit.dev.kafka import Broker, start_kafka

RUN = "WICI_TEST_RUN"
_ROOT = Path(__file__).parents[2]
_MEMORY = Path("/dev/shm")  # noqa: S108 -- shared by all, as a folder for temporary files is
_ENOUGH = 4 * 1024**3  # a whole run takes less than half of it
_SERVICES = ("postgres", "kafka")


def begin_run() -> IO[str]:
    """Open a run: make its folder, for all its temporary files, and hold its lock until the returned file is closed."""
    folder = Path(tempfile.mkdtemp(prefix="wici-test-", dir=_fast()))
    folder.chmod(0o755)
    held = (folder / "run.lock").open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    os.environ[RUN] = os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    return held


def end_run(held: IO[str]) -> None:
    """Let the keepers end; the last of them removes the folder, as this does where there is none."""
    held.close()
    _remove_unless_kept()


def _fast() -> Path | None:
    """A file system in memory with room enough: hundreds of small databases are files that no disk need ever see."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK):
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free > _ENOUGH else None


def _remove_unless_kept() -> None:
    if not any((run_folder() / service).exists() for service in _SERVICES):
        shutil.rmtree(run_folder(), ignore_errors=True)


def run_folder() -> Path:
    """Return the folder of this run."""
    return Path(os.environ[RUN])


def address(service: str) -> str:
    """Return the address of the run's `postgres` or `kafka`, starting it if nobody has yet."""
    file = run_folder() / f"{service}.address"
    with locked(run_folder() / f"{service}.lock"):
        if not file.exists():
            file.write_text(_start_keeper(service))
    return file.read_text()


def _start_keeper(service: str) -> str:
    command = [sys.executable, "-m", "tests.support.keeper", service]
    keeper = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True, cwd=_ROOT)
    assert keeper.stdout
    said = keeper.stdout.readline().strip()
    assert said, f"{service} did not start; its keeper's words are above"
    return said


def _postgres(folder: Path) -> Server:
    # Without fsync: a test may kill the server, but nobody cuts the machine's power.
    # Its shared memory is a file in its folder, which goes with it even when it is killed.
    settings = {"fsync": "off", "max_connections": "200", "max_wal_size": "512MB",
                "dynamic_shared_memory_type": "mmap"}  # fmt: skip
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if installed:
        return start_postgres(folder, binaries=installed[-1].parent, user="postgres", settings=settings)
    return start_postgres(folder, settings=settings)


def _keep(service: str) -> None:
    folder = run_folder() / service
    server: Server | Broker = _postgres(folder) if service == "postgres" else start_kafka(folder)
    try:
        print(server.url if isinstance(server, Server) else server.bootstrap, flush=True)  # noqa: T201
        with (run_folder() / "run.lock").open() as held:
            fcntl.flock(held, fcntl.LOCK_SH)  # granted when the run has ended
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
        _remove_unless_kept()


if __name__ == "__main__":
    _keep(sys.argv[1])
