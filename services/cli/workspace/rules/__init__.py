"""What journeys, templates and policies mean together, and where it is hardly what was meant.

Each module holds rules of one kind, each a function of the whole workspace that notes what it finds on the sheets. They
run once the files are read; a journey with errors is left out. docs/rules/ has a page for each.
"""

from __future__ import annotations

from collections.abc import Callable

from services.cli.workspace.rules import circles, codes, entering, gaps, law, limits, texts, unused, ways, wording
from services.cli.workspace.rules.whole import Whole

RULES: tuple[Callable[[Whole], None], ...] = (
    *entering.RULES,
    *ways.RULES,
    *unused.RULES,
    *texts.RULES,
    *law.RULES,
    *wording.RULES,
    *limits.RULES,
    *circles.RULES,
    *codes.RULES,
    *gaps.RULES,
)


def check_rules(whole: Whole) -> None:
    """Look at the workspace by every rule."""
    for rule in RULES:
        rule(whole)
