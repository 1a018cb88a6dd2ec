"""Splits that find their winner, and subjects that are tried out: what is written, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.contracts.journey import Rule, Send, Share, Split, Tag, Trial
from tests.unit.workspace.folder import MAIL, loaded, steps, the
from tests.unit.workspace.test_steps import HEAD, read


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("- {split: {a: {do: []}, b: {share: 50, do: []}}}", "5:17", "missing-key"),
        ("- {split: {a: {do: []}}, try: 20%, winner: {by: clicked, after: 1 hour}}", "5:13", "bad-value"),
        ("- {split: {a: {do: []}, b: {share: 1, do: []}}, try: 9%, winner: {by: clicked, after: 1 hour}}", "5:38",
         "bad-value"),
        ("- {split: {a: {do: []}, b: {do: []}}, try: 20%}", "5:41", "missing-key"),
        ("- {split: {a: {share: 50, do: []}, b: {share: 50, do: []}}, winner: {by: opened, after: 1 hour}}", "5:63",
         "missing-key"),
        ("- {split: {a: {do: []}, b: {do: []}}, try: 20, winner: {by: opened, after: 1 hour}}", "5:46", "bad-value"),
        ("- {split: {a: {do: []}, b: {do: []}}, try: 0%, winner: {by: opened, after: 1 hour}}", "5:46", "bad-value"),
        ("- {split: {a: {do: []}, b: {do: []}}, try: 9%, winner: {by: clicks, after: 1 hour}}", "5:63", "bad-value"),
        ("- {split: {a: {do: []}, b: {do: []}}, try: 9%, winner: {by: goal, after: 1 hour}}", "5:63", "bad-value"),
        ("- {split: {a: {do: []}, b: {do: []}}, try: 9%, winner: {by: {on: order.piad}, after: 1 hour}}", "5:68",
         "unknown-event"),
        ("- {split: {a: {do: []}, b: {do: []}}, try: 9%, winner: {by: opened, after: 0 customers}}", "5:78",
         "bad-duration"),
        ("- {split: {a: {do: []}, b: {do: []}}, try: 9%, winner: {by: opened}}", "5:58", "missing-key"),
        ("- {send: hello, via: email, try: 9%, winner: {by: opened, after: 1 hour}}", "5:31", "missing-key"),
        ("- {send: hello, via: email, subjects: [a, b]}", "5:31", "missing-key"),
        ("- {send: hello, via: email, subjects: [a], try: 9%, winner: {by: opened, after: 1 hour}}", "5:41",
         "bad-value"),
        ("- {send: hello, via: sms, subjects: [a, b], try: 9%, winner: {by: opened, after: 1 hour}}", "5:29",
         "bad-value"),
        ("- {send: hello, via: email, subjects: [a, '{{ profile.x'], try: 9%, winner: {by: opened, after: 1 hour}}",
         "5:41", "template"),
        ("- {send: hello, via: email, subjects: {en: [a, b]}, try: 9%, winner: {by: opened, after: 1 hour}}", "5:41",
         "missing-locale"),
        ("- {send: hello, via: email, subjects: {pl: [a, b], en: [a, b, c]}, try: 9%, winner: {by: opened, after: 1 day}}",  # noqa: E501
         "5:41", "bad-value"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_trial_is_named_where_it_stands(tmp_path: Path, text: str, place: str, rule: str) -> None:
    found = the(steps(tmp_path, text))
    assert (found.place, found.rule) == (f"journeys/hello.yaml:{place}", rule)
    assert found.hint


def test_a_split_on_trial_is_read_with_all_that_it_may_say(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
- split: {a: {do: [{tag: x}]}, b: {do: []}}
  try: 20%
  winner: {by: clicked, after: 4 hours}
- split: {a: {do: []}, b: {do: []}}
  try: 12.5%
  winner: {by: {on: order.placed, if: received.order.total > 5}, after: 1000 customers}
""",
    )
    even = (Share("a", 50.0, (Tag("tag-1", "x"),)), Share("b", 50.0))
    rule = Rule("order.placed", "received.order.total > 5")
    assert found == (
        Split("split-1", even, Trial(20.0, "clicked", after=14_400.0)),
        Split("split-2", (Share("a", 50.0), Share("b", 50.0)), Trial(12.5, rule, customers=1000)),
    )


def test_subjects_that_are_tried_out_are_a_split_of_the_same_mail(tmp_path: Path) -> None:
    text = (
        HEAD
        + """\
  - {send: hello, via: email, subjects: ["One", "For {{ profile.last_name }}"], try: 20%,
     winner: {by: opened, after: 4 hours}, if: event.order.total > 5}
"""
    )
    workspace = loaded(tmp_path, {"journeys/hello.yaml": text}).workspace
    assert workspace is not None
    (split,) = workspace.journeys[0].steps
    names = [f"hello@hello/send-hello.{letter}" for letter in "ab"]
    sends = [Send(f"send-hello.{letter}", "hello", ("email",), variant=f"hello@hello/send-hello.{letter}")
             for letter in "ab"]  # fmt: skip
    shares = tuple(Share(letter, 50.0, (send,)) for letter, send in zip("ab", sends, strict=True))
    trial = Trial(20.0, "opened", after=14_400.0)
    assert split == Split("send-hello", shares, trial, condition="event.order.total > 5")
    made = [workspace.templates[name]["pl"] for name in names]
    plain = workspace.templates["hello"]["pl"]
    assert [one.email and one.email.subject for one in made] == ["One", "For {{ profile.last_name }}"]
    assert [one.email and one.email.html for one in made] == [plain.email and plain.email.html] * 2
    assert [("profile", "last_name") in one.reads for one in made] == [False, True]
    assert len({plain.digest, *(one.digest for one in made)}) == 3


def test_subjects_speak_each_language_of_their_template(tmp_path: Path) -> None:
    text = (
        HEAD
        + """\
  - {send: hello, via: email, subjects: {pl: [Raz, Dwa], en: [One, Two]}, try: 20%,
     winner: {by: opened, after: 4 hours}}
"""
    )
    files: dict[str, str | bytes] = {"journeys/hello.yaml": text, "templates/hello/en/email.mjml": MAIL}
    workspace = loaded(tmp_path, files).workspace
    assert workspace is not None
    said = {locale: one.email.subject for locale, one in workspace.templates["hello@hello/send-hello.b"].items()
            if one.email}  # fmt: skip
    assert said == {"pl": "Dwa", "en": "Two"}
