"""`wici settings`: what the environment resolves to, secrets masked."""

from __future__ import annotations

from collections.abc import Mapping

from services.cli.terminal import Answer, table
from services.kit.settings import from_environment, masked, unknown


def settings(environ: Mapping[str, str]) -> Answer:
    """Every setting with its value; below, what looks like a setting and is none."""
    values = masked(from_environment(environ))
    strange = unknown(environ)
    lines = [table([(name, value or "(not set)") for name, value in values.items()], ("variable", "value"))]
    for name, meant in strange.items():
        lines.append(f"{name} is no setting and is ignored." + (f" Did you mean {meant}?" if meant else ""))
    return Answer("\n".join(lines), {"settings": values, "ignored": strange})
