"""The buckets, a process a core; their outcomes are added in order, so that every run gives the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from services.cli.backtest.play import Outcome, Player, Setup
from services.cli.backtest.spool import BUCKETS
from services.kit import collector

_player: Player | None = None


def play(folder: Path, setup: Setup, progress: Callable[[Iterator[Outcome]], Iterator[Outcome]]) -> Outcome:
    """Play every bucket of a folder; `progress` passes the outcomes on."""
    whole = Outcome()
    with ProcessPoolExecutor(os.cpu_count(), initializer=_begin, initargs=(setup,)) as processes:
        for one in progress(processes.map(_play, [(folder, number) for number in range(BUCKETS)])):
            whole.add(one)
    whole.told.sort(key=lambda one: (one.name, one.before, one.after))
    return whole


def _begin(setup: Setup) -> None:
    global _player  # noqa: PLW0603 -- of this process, which does nothing else
    _player = Player(setup)
    collector.settle()


def _play(part: tuple[Path, int]) -> Outcome:
    assert _player is not None  # noqa: S101 -- made when the process began
    return _player.play(*part)
