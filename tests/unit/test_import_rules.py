"""Who imports whom is a rule, not a habit: .importlinter says it, this runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def linted(rules: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--config", str(rules), "--no-cache"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_no_import_breaks_a_rule() -> None:
    done = linted(ROOT / ".importlinter")
    assert done.returncode == 0, done.stdout


def test_a_broken_rule_would_be_seen(tmp_path: Path) -> None:
    rules = (ROOT / ".importlinter").read_text()
    upside_down = rules.replace("    services.kit\n\n", "\n").replace(
        "    services.cli\n", "    services.kit\n    services.cli\n"
    )
    assert upside_down != rules
    file = tmp_path / "rules"
    file.write_text(upside_down)
    done = linted(file)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout
