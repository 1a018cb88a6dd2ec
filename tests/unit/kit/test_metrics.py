"""The metrics are a closed list, documented as it is exported."""

from __future__ import annotations

import re
from pathlib import Path

from services.kit.telemetry import metrics

ROOT = Path(__file__).parents[3]
DOCS, SERVICES = ROOT / "docs" / "metrics.md", ROOT / "services"


def test_every_metric_is_documented_as_declared_and_nothing_else_is() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| (.+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    declared = [
        (one.name, one.kind, ", ".join(f"`{label}`" for label in one.labels) or "none", one.help)
        for one in metrics.DESCRIPTIONS
    ]
    assert rows == declared


def test_every_metric_is_exported_under_its_documented_name() -> None:
    metrics.EVENTS_PUBLISHED.labels("backend", "accepted").inc()
    said = metrics.exposition().decode()
    for one in metrics.DESCRIPTIONS:
        family = one.name.removesuffix("_total") if one.kind == "counter" else one.name
        assert f"# HELP {one.name} " in said or f"# HELP {family} " in said
    assert 'wici_events_published_total{result="accepted",source="backend"}' in said


def test_names_follow_prometheus_conventions() -> None:
    for one in metrics.DESCRIPTIONS:
        assert re.fullmatch(r"wici_[a-z_]+", one.name)
        assert one.name.endswith("_total") == (one.kind == "counter")


def test_every_metric_is_counted_by_somebody() -> None:
    names = [name for name, value in vars(metrics).items() if name.isupper() and hasattr(value, "describe")]
    code = "".join(path.read_text(encoding="utf-8") for path in SERVICES.rglob("*.py") if path.name != "metrics.py")
    assert len(names) == len(metrics.DESCRIPTIONS)
    assert [name for name in names if not re.search(rf"\b{name}\b", code)] == []
