"""The folder of an embedded installation (WICI_DATA): database, secret key, previews."""

from __future__ import annotations

from pathlib import Path

_IGNORED = "# A secret key and customers' data: nothing of this folder belongs in Git.\n*\n"


def made(data: Path) -> Path:
    """The folder, made where it is missing. Git leaves it alone, also inside a workspace that is committed whole."""
    data.mkdir(parents=True, exist_ok=True)
    ignored = data / ".gitignore"
    if not ignored.exists():
        ignored.write_text(_IGNORED, encoding="utf-8")
    return data
