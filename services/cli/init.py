"""`wici init DIR`: a workspace to begin with, copied from the recipes."""

from __future__ import annotations

import shutil
from pathlib import Path

from services.cli.terminal import Answer
from services.kit.errors import Misconfigured

RECIPES = Path(__file__).parents[2] / "recipes"


def languages() -> list[str]:
    """The languages that the recipes speak."""
    return sorted(folder.name for folder in RECIPES.iterdir() if (folder / "wici.yaml").is_file())


def init(folder: Path, language: str) -> Answer:
    """Copy the recipes of `language` into `folder`, which must be new or empty. Misconfigured otherwise."""
    if language not in languages():
        raise Misconfigured(f"There are no recipes in {language!r}. Write --language {' or '.join(languages())}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Misconfigured(f"{folder} is not empty. Name a new folder; nothing of yours is overwritten.")
    shutil.copytree(RECIPES / language, folder, dirs_exist_ok=True)
    made = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    text = (
        f"A workspace was made in {folder}, with {len(made)} files.\n"
        f"Next: cd {folder}, look at wici.yaml, then: wici check, and: wici up"
    )
    return Answer(text, {"folder": str(folder), "language": language, "files": made})
