"""The secret key of an embedded installation: made once, kept beside its data."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from services.cli import data_folder
from services.kit.errors import Misconfigured
from services.kit.settings import SHORTEST_SECRET, Settings

FILE = "secret-key"


def kept_key(data: Path) -> tuple[str, bool]:
    """The key kept in `data`, made now if there is none; and whether it was made now."""
    file = data_folder.made(data) / FILE
    made = _make(file)
    key = file.read_text(encoding="utf-8").strip()
    if len(key) < SHORTEST_SECRET:
        raise Misconfigured(f"{file} holds no key. Restore it from a backup: links in sent messages depend on it.")
    return key, made


def keys_in_use(settings: Settings) -> tuple[str, ...]:
    """The secret keys that the services use, newest first. Misconfigured if they are not to be found here."""
    if settings.secret_keys:
        return settings.secret_keys
    if not (settings.data / FILE).exists():
        raise Misconfigured("Set WICI_SECRET_KEY as the services have it, or WICI_DATA to the folder of `wici up`.")
    return (kept_key(settings.data)[0],)


def _make(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as opened:
        opened.write(secrets.token_urlsafe(32) + "\n")
    return True
