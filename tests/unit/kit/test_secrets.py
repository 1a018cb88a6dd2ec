"""Secrets come from the environment or a file, and show themselves to nobody by accident."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from services.kit.errors import Misconfigured
from services.kit.secrets import Secret, is_reference, resolve


def test_a_reference_is_read_from_the_environment() -> None:
    assert resolve("$MAIL_KEY", {"MAIL_KEY": "abc"}) == "abc"


def test_a_reference_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    """Editors and orchestrators end a file with a line break."""
    place = tmp_path / "key"
    place.write_text("zażółć\n", encoding="utf-8")
    assert resolve("$MAIL_KEY", {"MAIL_KEY_FILE": str(place)}) == "zażółć"


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file")
    assert resolve("$K", {"K": "from the environment", "K_FILE": str(tmp_path / "key")}) == "from the environment"


@pytest.mark.parametrize("environ", [{}, {"MAIL_KEY": ""}, {"MAIL_KEY_FILE": ""}])
def test_a_missing_one_is_an_error_that_names_it(environ: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match=r"MAIL_KEY is not set: set MAIL_KEY, or MAIL_KEY_FILE"):
        resolve("$MAIL_KEY", environ)


def test_a_file_that_cannot_be_read_or_is_empty_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for place in ("missing", "empty", "binary", ""):
        with pytest.raises(Misconfigured, match="MAIL_KEY_FILE"):
            resolve("$MAIL_KEY", {"MAIL_KEY_FILE": str(tmp_path / place)})


def test_a_line_break_inside_a_value_is_refused_without_showing_it() -> None:
    with pytest.raises(Misconfigured, match="line break") as caught:
        resolve("$K", {"K": "first\r\nX-Injected: second"})
    assert "second" not in str(caught.value)


@pytest.mark.parametrize("written", ["plain-secret", "$", "$a-b", "", "$A $B"])
def test_what_is_no_reference_is_refused_without_showing_it(written: str) -> None:
    assert not is_reference(written)
    with pytest.raises(Misconfigured) as caught:
        resolve(written, {"A": "x"})
    assert len(written) < 2 or written not in str(caught.value)


def test_a_secret_shows_asterisks_however_it_is_printed() -> None:
    secret = Secret("abc-def")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", repr([secret]), "%s" % secret]  # noqa: UP031
    assert not [text for text in shown if "abc" in text]
    with pytest.raises(TypeError):
        msgspec.json.encode({"key": secret})
    assert secret.reveal() == "abc-def"


def test_secrets_are_equal_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("ż").equals("ż")
    assert not Secret("ż").equals("\ud800")
