"""The demonstration keeps its promise in both shapes and both languages."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from services.cli.services import PORTS
from services.kit.dev.files import free_port


@pytest.mark.parametrize(("shape", "language"), [([], "pl"), (["--kafka"], "en")])
def test_the_day_comes_as_expected(shape: list[str], language: str) -> None:
    command = [sys.executable, "-m", "services.cli.main", "demo", "--once", "--language", language, *shape]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WICI_")}
    environ["WICI_PORT"] = str(free_port(together=len(PORTS)))
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=480)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything came as expected." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "✗" not in done.stdout
