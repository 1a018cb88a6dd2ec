"""Buckets on disk: what belongs to one customer comes into one of them, so that memory holds a bucket and no more."""

from __future__ import annotations

from pathlib import Path
from typing import IO
from zlib import crc32

import msgspec

from services.cli.backtest.story import Heard, Kept

BUCKETS = 128
_LENGTH = 4
_ENCODER = msgspec.msgpack.Encoder()
_EVENTS = msgspec.msgpack.Decoder(Kept)
_HEARD = msgspec.msgpack.Decoder(Heard)


class Spool:
    """Writes the buckets of a folder."""

    def __init__(self, folder: Path) -> None:
        self._events = [(folder / f"{n:03}.events").open("wb") for n in range(BUCKETS)]
        self._heard = [(folder / f"{n:03}.heard").open("wb") for n in range(BUCKETS)]

    def put(self, one: Kept | Heard) -> None:
        """Write one to the bucket of its story."""
        files = self._events if isinstance(one, Kept) else self._heard
        _write(files[crc32(one.story) % BUCKETS], _ENCODER.encode(one))

    def close(self) -> None:
        """Nothing more comes."""
        for file in (*self._events, *self._heard):
            file.close()


def _write(file: IO[bytes], encoded: bytes) -> None:
    file.write(len(encoded).to_bytes(_LENGTH, "big"))
    file.write(encoded)


def bucket(folder: Path, number: int) -> tuple[list[Kept], list[Heard]]:
    """What a bucket holds."""
    events = [_EVENTS.decode(one) for one in _parts((folder / f"{number:03}.events").read_bytes())]
    return events, [_HEARD.decode(one) for one in _parts((folder / f"{number:03}.heard").read_bytes())]


def _parts(raw: bytes) -> list[memoryview]:
    found, at, whole = [], 0, memoryview(raw)
    while at < len(raw):
        end = at + _LENGTH + int.from_bytes(whole[at : at + _LENGTH], "big")
        found.append(whole[at + _LENGTH : end])
        at = end
    return found
