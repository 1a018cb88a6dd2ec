"""A real Postfix on loopback, with its own configuration and queue, that relays to one next hop and nowhere else."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_DAEMONS = Path("/usr/lib/postfix/sbin")
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.test
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
smtp_host_lookup = native
alias_maps =
alias_database =
default_transport = error:only loopback is reached
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


def install() -> None:
    """Find Postfix, or install it where that is allowed. A missing one is a failure that says what to do."""
    if not shutil.which("postfix", path=_path()) and os.geteuid() == 0 and shutil.which("apt-get"):
        environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        wait = ("-o", "DPkg::Lock::Timeout=300")
        subprocess.run(
            ["apt-get", *wait, "install", "-y", "--no-install-recommends", "postfix"], env=environ, check=False
        )
    if not shutil.which("postfix", path=_path()) or os.geteuid() != 0:
        raise RuntimeError("this test needs Postfix, run by root: apt-get install postfix")


class Postfix:
    """`with Postfix({"example.com": "smtp:[127.0.0.1]:2525"}, main, master) as relay: … relay.port`.

    `main` and `master` are further lines of main.cf and master.cf; `transport_maps` in them gains `routes`.
    """

    def __init__(self, routes: dict[str, str], main: str = "", master: str = "") -> None:
        install()
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port: int = found.getsockname()[1]
        # Its daemons run as users of their own, to whom a test's folder is closed.
        self.folder = Path(tempfile.mkdtemp(prefix="wici-postfix-"))
        self.folder.chmod(0o755)
        for name in ("queue", "data"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        given = " ".join(f"{domain}={transport}" for domain, transport in routes.items())
        assert "transport_maps = inline:{ " in main
        lines = main.replace("transport_maps = inline:{ ", f"transport_maps = inline:{{ {given} ")
        (self.folder / "main.cf").write_text(_MAIN.format(folder=self.folder, daemons=_DAEMONS) + lines)
        (self.folder / "master.cf").write_text(_MASTER.format(port=self.port) + master)

    def log(self) -> str:
        """What it has logged."""
        file = self.folder / "maillog"
        return file.read_text() if file.exists() else ""

    def _run(self, command: str) -> None:
        done = subprocess.run(
            ["postfix", "-c", str(self.folder), command],
            capture_output=True,
            text=True,
            env={"PATH": _path()},
            check=False,
        )
        assert done.returncode == 0, done.stderr + self.log()

    def __enter__(self) -> Self:
        self._run("start")
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
        raise AssertionError(f"Postfix does not listen: {self.log()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def _path() -> str:
    return "/usr/sbin:/usr/bin:/sbin:/bin"
