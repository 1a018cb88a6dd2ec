"""Java and the jars of Apache Kafka for the development broker, brought by Maven."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from services.kit.dev.files import locked
from services.kit.errors import Misconfigured

HOME = Path(__file__).parents[3] / "deploy" / "kafka"
_ADVICE = "run: sudo apt-get install -y openjdk-17-jre-headless maven"
_OLDEST_JAVA = 17


def java() -> str:
    """Return the path of a Java of version 17 or later: of JAVA_HOME, else of PATH.

    Installs it where this process is root with apt-get; raises Misconfigured with the command to run elsewhere.
    """
    found = _java()
    if found is None:
        _install()
        found = _java()
    if found is None:
        raise Misconfigured(f"Kafka needs Java {_OLDEST_JAVA} or later; {_ADVICE}, or set JAVA_HOME")
    return found


def jars() -> Path:
    """Return the folder of Kafka's jars; Maven fills it once for each version of pom.xml, one process at a time."""
    library, wanted = HOME / "lib", (HOME / "pom.xml").read_text()
    marker = library / ".complete"
    with locked(library / ".lock"):
        if not marker.exists() or marker.read_text() != wanted:
            _download(library)
            marker.write_text(wanted)
    return library


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    for candidate in (f"{home}/bin/java" if home else None, shutil.which("java")):
        if candidate and Path(candidate).exists() and _version(candidate) >= _OLDEST_JAVA:
            return candidate
    return None


def _version(binary: str) -> int:
    said = subprocess.run([binary, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 -- the operator's own Java
    match = re.search(r'version "(\d+)', said)
    return int(match.group(1)) if match else 0


def _install() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Misconfigured(f"Kafka needs Java {_OLDEST_JAVA} or later and Maven; {_ADVICE}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False, stdout=subprocess.DEVNULL)  # noqa: S607 -- apt's place is the system's
    for runtime in ("openjdk-17-jre-headless", "default-jre-headless"):
        command = ["apt-get", "install", "-y", "-qq", runtime, "maven"]
        if subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL).returncode == 0:  # noqa: S603 -- constants
            return
    raise Misconfigured(f"Java could not be installed; {_ADVICE}")


def _download(library: Path) -> None:
    if not shutil.which("mvn"):
        _install()
    for outdated in library.glob("*.jar"):
        outdated.unlink()
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={library}", "-DincludeScope=runtime"]
    command = ["mvn", "-q", "-B", "-f", str(HOME / "pom.xml"), *goal]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- constants and our own path
    if result.returncode:
        said = (result.stdout + result.stderr)[-500:]
        raise Misconfigured(f"Maven could not bring Kafka's jars; see that `{' '.join(command)}` works here: {said}")
