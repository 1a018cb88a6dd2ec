"""How many examples a property is tried on: many with `WICI_TEST_PROOF=long` (`make proof`), otherwise a third."""

from __future__ import annotations

import os

LONG = os.environ.get("WICI_TEST_PROOF") == "long"


def examples(number: int) -> int:
    """So many in the long form."""
    return number if LONG else number // 3
