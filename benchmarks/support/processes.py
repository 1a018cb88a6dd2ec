"""CPU time of processes, from Linux's /proc: a server counts with its children, the ended ones included."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_LISTENING = "0A"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children so far."""
    own = _stat(pid)
    spent = sum(int(field) for field in own[11:15])
    for child in _children(pid):
        spent += sum(int(field) for field in _stat(child)[11:13])
    return spent / _TICKS


def listener(port: int) -> int:
    """The process that listens on a TCP port of this machine. LookupError if none does that we may look into."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(process.readlink()) in inodes:
                return int(process.parts[2])
        except OSError:
            continue
    raise LookupError(f"nobody listens on port {port}")


def parent(pid: int) -> int:
    """The parent's id."""
    return int(_stat(pid)[1])


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _stat(pid: int) -> list[str]:
    """The fields behind the name, which may hold spaces: state, parent, …; [0] * 15 once it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["0"] * 15


def busy_seconds() -> float:
    """CPU seconds that all processes of this machine have spent so far, waiting for disks not counted."""
    user, nice, system, _idle, _iowait, *more = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(field) for field in (user, nice, system, *more[:2])) / _TICKS
