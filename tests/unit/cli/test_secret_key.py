"""The key of an embedded installation is made once and kept for its owner alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from services.cli.secret_key import FILE, kept_key
from services.kit.errors import Misconfigured
from services.kit.settings import SHORTEST_SECRET


def test_the_key_is_made_once_and_then_kept(tmp_path: Path) -> None:
    key, made = kept_key(tmp_path / "data")
    assert made
    assert len(key) >= SHORTEST_SECRET
    assert kept_key(tmp_path / "data") == (key, False)


def test_two_installations_have_different_keys(tmp_path: Path) -> None:
    assert kept_key(tmp_path / "a")[0] != kept_key(tmp_path / "b")[0]


def test_nobody_else_may_read_the_key(tmp_path: Path) -> None:
    kept_key(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_git_leaves_the_key_alone(tmp_path: Path) -> None:
    kept_key(tmp_path / ".wici")
    (tmp_path / "wici.yaml").touch()
    for typed in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *typed], cwd=tmp_path, check=True)
    done = subprocess.run(["git", "ls-files"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout == "wici.yaml\n"


def test_a_damaged_key_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("gone")
    with pytest.raises(Misconfigured, match="backup"):
        kept_key(tmp_path)
    assert (tmp_path / FILE).read_text() == "gone"
