"""Reading the folder: whatever lies there, the answer is a text or a finding, never an exception."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from services.cli.workspace.reading.sheet import Sheet

LARGEST = 1_000_000
"""Bytes of one file; a journey has a few thousand."""


class Files:
    """The files of one workspace. Keeps a sheet for every file that was looked at."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sheets: dict[str, Sheet] = {}

    def sheet(self, name: str) -> Sheet:
        """The sheet of a file, named relative to the folder with /."""
        return self.sheets.setdefault(name, Sheet(_shown(name), family=self.sheets))

    def read(self, name: str) -> Sheet | None:
        """The file's sheet with its text; None if it cannot be read (its sheet then says why)."""
        sheet = self.sheet(name)
        try:
            raw = self._bytes(name, sheet)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            sheet.error(None, "unreadable-file", f"the file cannot be read: {why}", "check its permissions and links")
            return None
        if raw is None or not _decode(raw, sheet):
            return None
        return sheet

    def list(self, name: str, *, folders: bool = False) -> list[str]:
        """Names of files (or folders) directly in the folder `name`, sorted, without hidden ones."""
        try:
            with os.scandir(self.root / name) as entries:
                found = [entry.name for entry in entries if _is_folder(entry) == folders]
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            hint = "make it a folder that can be read"
            self.sheet(name).error(None, "unreadable-file", f"the folder cannot be read: {why}", hint)
            return []
        return sorted(each for each in found if not each.startswith("."))

    def _bytes(self, name: str, sheet: Sheet) -> bytes | None:
        path = self.root / name
        about = path.stat()
        # Opening a pipe or a device may wait for ever.
        if not stat.S_ISREG(about.st_mode):
            sheet.error(None, "unreadable-file", "this is no ordinary file", "put a text file here")
            return None
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            sheet.error(None, "too-large", "the file is larger than 1 MB", "split it; images belong on a server")
            return None
        return raw


def _decode(raw: bytes, sheet: Sheet) -> bool:
    try:
        sheet.text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        sheet.error(None, "unreadable-file", f"the file is not UTF-8 (line {line})", "save it as UTF-8 text")
        return False
    return True


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: reading it says what is wrong
        return False


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)
