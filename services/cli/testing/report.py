"""The answer of `wici test`: for people, for programs, and as JUnit XML, which CI servers read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from services.cli.testing.coverage import Covered
from services.cli.testing.verdict import Failure
from services.cli.workspace.journeys.cases import Case


@dataclass(frozen=True, slots=True)
class Result:
    """One test that was played, and how long it took."""

    case: Case
    failures: tuple[Failure, ...]
    milliseconds: float


def text(results: Sequence[Result], covered: Sequence[Covered]) -> str:
    """Each test with its milliseconds, what failed and how, the ways that no test goes, and the sums."""
    lines: list[str] = []
    journey = ""
    for one in results:
        if one.case.journey != journey:
            journey = one.case.journey
            lines += [""] * bool(lines) + [journey]
        word = "FAIL" if one.failures else "ok  "
        lines.append(f"  {word} {one.case.title}  ({one.milliseconds:.0f} ms)")
        for failure in one.failures:
            lines += _failure(failure)
    return "\n".join([*lines, "", *_coverage(covered), *_sums(results, covered)])


def _failure(one: Failure) -> Iterator[str]:
    yield f"       {one.where}"
    yield f"         expected: {one.expected}"
    first, *more = one.came.splitlines() or [""]
    yield f"         came:     {first}"
    yield from (f"         {line}" for line in more)


def _coverage(covered: Sequence[Covered]) -> Iterator[str]:
    for one in covered:
        if not one.ways:
            continue
        yield f"{one.journey}: {one.ways - len(one.missing)} of {one.ways} ways are tested"
        yield from (f"  {place}: no test goes this way: {what}" for place, what in one.missing)


def _sums(results: Sequence[Result], covered: Sequence[Covered]) -> list[str]:
    failed = sum(bool(one.failures) for one in results)
    ways = sum(one.ways for one in covered)
    gone = ways - sum(len(one.missing) for one in covered)
    took = sum(one.milliseconds for one in results)
    share = f", {gone} of {ways} ways ({gone * 100 // ways} %)" if ways else ""
    count = f"{len(results)} test{'s' * (len(results) != 1)}"
    return [f"{count}, {failed} failed{share}, {took:.0f} ms" if failed else f"{count} passed{share}, {took:.0f} ms"]


def data(results: Sequence[Result], covered: Sequence[Covered]) -> dict[str, Any]:
    """The same for a program."""
    return {
        "tests": [
            {
                "journey": one.case.journey,
                "test": one.case.title,
                "at": one.case.where,
                "passed": not one.failures,
                "milliseconds": round(one.milliseconds, 1),
                "failures": [{"at": f.where, "expected": f.expected, "came": f.came} for f in one.failures],
            }
            for one in results
        ],
        "failed": sum(bool(one.failures) for one in results),
        "coverage": [
            {
                "journey": one.journey,
                "ways": one.ways,
                "missing": [{"at": place, "way": what} for place, what in one.missing],
            }
            for one in covered
        ],
    }


def junit(results: Sequence[Result]) -> str:
    """JUnit's XML, a suite for each journey. Times are in seconds."""
    root = Element("testsuites", name="wici test")
    suites: dict[str, list[Result]] = {}
    for one in results:
        suites.setdefault(one.case.journey, []).append(one)
    for name, mine in suites.items():
        failed = sum(bool(one.failures) for one in mine)
        took = sum(one.milliseconds for one in mine)
        suite = SubElement(root, "testsuite", name=name, tests=str(len(mine)), failures=str(failed),
                           errors="0", skipped="0", time=_seconds(took))  # fmt: skip
        for one in mine:
            file, _, line = one.case.where.rpartition(":")
            case = SubElement(suite, "testcase", classname=name, name=one.case.title, file=file, line=line,
                              time=_seconds(one.milliseconds))  # fmt: skip
            if one.failures:
                said = "\n".join(line for failure in one.failures for line in _failure(failure))
                SubElement(case, "failure", message=one.failures[0].expected).text = _printable(said)
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f}"


def _printable(said: str) -> str:
    """XML 1.0 has no control characters but these."""
    return "".join(letter for letter in said if letter >= " " or letter in "\n\t")
