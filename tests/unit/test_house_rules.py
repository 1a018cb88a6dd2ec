"""Rules of the house that no linter knows, each with its reason."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
_WALL_CLOCK = re.compile(r"\b(datetime|date)\.(now|utcnow|today)\(|\btime\.(time|time_ns|monotonic|perf_counter)\(")
_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b")
_SQL_CLOCK = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp)\(\)|\bcurrent_(timestamp|date|time)\b", re.IGNORECASE
)


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_only_the_clock_reads_the_wall_clock() -> None:
    """Time is an argument, so that history can be replayed and time can be moved."""
    found = [
        f"{shown(path)}:{number}: {line.strip()}"
        for path in python_files("services")
        if path != ROOT / "services/kit/clock.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if _WALL_CLOCK.search(line)
    ]
    assert found == []


def test_no_loop_waits_by_a_call_that_may_swallow_its_own_end() -> None:
    """Python 3.11's wait_for forgets a cancellation that comes with the event; asyncio.timeout does not."""
    found = [
        f"{shown(path)}:{number}: {line.strip()}"
        for path in python_files("services")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"wait_for\(.*\.wait\(\)", line)
    ]
    assert found == []


def test_no_statement_asks_the_database_for_the_time() -> None:
    """The database's clock is nobody's marketing time."""
    found = []
    for path in python_files("services"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and _SQL.search(node.value) and _SQL_CLOCK.search(node.value):  # type: ignore[attr-defined]
                found.append(f"{shown(path)}:{node.lineno}")  # type: ignore[attr-defined]
    assert found == []


def test_no_module_is_longer_than_a_reader_keeps_in_mind() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in python_files("services", "tests")}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    found = {}
    for path in python_files("services", "tests"):
        if "migrations" in path.parts:  # a list of statements, not a thought
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    found[f"{shown(path)}:{node.name}"] = length
    assert found == {}


def test_no_address_of_a_package_registry_stands_in_the_repository() -> None:
    """Where packages come from is the installer's configuration, not ours."""
    hosts = ["py" + "pi.org", "python" + "hosted.org", "registry." + "npmjs.org", "repo1." + "maven.org",
             "repo." + "maven.apache.org", "static." + "crates.io", "proxy." + "golang.org"]  # fmt: skip
    files = subprocess.run(["git", "grep", "-lIE", "|".join(re.escape(host) for host in hosts)],
                           cwd=ROOT, capture_output=True, text=True, check=False)  # fmt: skip
    assert files.stdout == ""


def requirements(names: list[str]) -> set[str]:
    return {re.split(r"[\[>=<~! ]", name, maxsplit=1)[0] for name in names}


@pytest.mark.parametrize("part", ["run", "dev"])
def test_every_dependency_has_its_reason_and_nothing_else_has(part: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] if part == "run" else project["optional-dependencies"]["dev"]
    text = (ROOT / "docs/dependencies.md").read_text()
    section = text.split("## ")[1 if part == "run" else 2]
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", section, re.MULTILINE)
    assert {name for name, _ in rows} == requirements(wanted)
    assert all(reason.strip() for _, reason in rows)


def test_everything_installed_is_locked_by_hash() -> None:
    for file in ("requirements/run.txt", "requirements/dev.txt"):
        text = (ROOT / file).read_text()
        pinned = re.findall(r"^[a-z0-9-]+(?:\[[a-z,]+\])?==", text, re.MULTILINE | re.IGNORECASE)
        assert len(pinned) <= text.count("--hash=sha256:")
        assert "://" not in text
