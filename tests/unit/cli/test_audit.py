"""From which commit: git is asked, trusted with nothing, and may be absent."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from services.cli.audit import author, commit_of

IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@shop.example", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *IDENTITY, "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "repository" / "shop"
    folder.mkdir(parents=True)
    (folder / "wici.yaml").write_text("shop: {}\n")
    git(folder.parent, "init", "-q")
    git(folder.parent, "add", ".")
    git(folder.parent, "commit", "-qm", "Begin")
    return folder


def test_a_clean_folder_is_its_commit_and_a_changed_one_is_dirty(checkout: Path) -> None:
    found = commit_of(checkout)
    assert found is not None
    assert (found.id, found.dirty) == (git(checkout, "rev-parse", "HEAD"), False)
    (checkout / "new.yaml").write_text("")
    changed = commit_of(checkout)
    assert changed is not None
    assert changed.dirty


def test_changes_beside_the_folder_do_not_make_it_dirty(checkout: Path) -> None:
    (checkout.parent / "other.txt").write_text("")
    found = commit_of(checkout)
    assert found is not None
    assert not found.dirty


def test_a_repository_cannot_have_a_program_of_its_own_run(checkout: Path) -> None:
    trap = checkout.parent / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {checkout.parent}/sprung\n")
    trap.chmod(0o755)
    git(checkout, "config", "core.fsmonitor", str(trap))
    assert commit_of(checkout) is not None
    assert not (checkout.parent / "sprung").exists()


def test_without_git_or_a_repository_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_of(tmp_path) is None
    monkeypatch.setenv("PATH", "")
    assert commit_of(tmp_path) is None


def test_whoever_acts_is_named_with_the_host() -> None:
    user, at, host = author().partition("@")
    assert user
    assert at
    assert host
