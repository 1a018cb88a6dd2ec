"""docs/rules/: a page for each rule of `wici check`, made of its example and of what the check says about it.

`python -m services.cli.workspace.rule_pages` writes them; tests compare them with the code and try the examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from services.cli.workspace.findings import RULES, Finding
from services.cli.workspace.load import load
from services.cli.workspace.reading.positions import plain, read_yaml
from services.cli.workspace.silences import SILENCEABLE

FOLDER = Path(__file__).parents[3] / "docs/rules"
EXAMPLES = FOLDER / "examples"
BASE = "_base"
LANGUAGES = {"yaml": "yaml", "json": "json", "md": "markdown", "mjml": "xml"}
INTRODUCTION = """\
# What wici check looks for

`wici check` reads a workspace and names each thing that is wrong with file, line and column, and what to write instead.
The word in brackets behind a finding is its rule, and each rule has a page here, with an example that is wrong and one
that is right. An *error* keeps the workspace from being used; a *warning* does not, unless `--strict` is given.

## To silence a rule

Rules about wording, length and law warn, for they cannot know everything. Where one is mistaken, say so in place, with
the reason, at the end of the line or on a line above it:

    - wait: 2 years # wici: allow long-wait because the events are kept for three

In a template it is a comment of the template, on the line or above it, or a line between the `---` at its top, which
then holds for the whole file:

    {# wici: allow offer-without-consent because the code opens the parcel locker #}

Several rules are separated by commas. A silence without a reason, or of a rule that cannot be silenced, is
[itself an error](bad-silence.md), and one that silences nothing is [a warning](idle-silence.md). Warnings can be
silenced, and the errors marked so below; `wici check` says how many were, and `--json` which.

## The rules

| rule | | what it guards |
|---|---|---|
"""


class Odd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file's text `times` over, or in another encoding than UTF-8."""

    text: str
    times: int = 1
    encoding: str = "utf-8"


Written = dict[str, str | Odd | None]


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files by path (None: the base's is taken away) that break the rule `at` these places, and such as keep it."""

    why: str
    wrong: Written
    at: str | tuple[str, ...]
    right: Written


def example(rule: str) -> Example:
    """The example of a rule."""
    return msgspec.convert(_read(rule), Example)


def found(written: Written) -> list[Finding]:
    """What `wici check` finds in the base with these files laid over it."""
    base: dict[str, str] = _read(BASE)["files"]
    with TemporaryDirectory() as folder:
        for path, text in {**base, **written}.items():
            if text is not None:
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(_bytes(text))
        return load(Path(folder)).findings


def pages() -> dict[str, str]:
    """Every page by file name: one for each rule, and the list."""
    kinds: dict[str, str] = {}
    made = {}
    for rule in RULES:
        shown = example(rule)
        findings = found(shown.wrong)
        kinds[rule] = findings[0].severity + (", can be silenced" if rule in SILENCEABLE else "")
        made[f"{rule}.md"] = "\n".join(_page(rule, kinds[rule], shown, findings))
    rows = (f"| [`{rule}`]({rule}.md) | {kinds[rule]} | {guards} |\n" for rule, guards in RULES.items())
    return {"README.md": INTRODUCTION + "".join(rows), **made}


def _read(name: str) -> dict[str, dict[str, str]]:
    return plain(read_yaml((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")))  # type: ignore[no-any-return]


def _bytes(text: str | Odd) -> bytes:
    return text.encode() if isinstance(text, str) else (text.text * text.times).encode(text.encoding)


def _page(rule: str, kind: str, shown: Example, findings: list[Finding]) -> Iterator[str]:
    yield f"# {rule}\n"
    yield f"*{kind.capitalize()}.* {_sentence(RULES[rule])}\n"
    yield shown.why
    yield "## Wrong\n"
    yield from _files(shown.wrong)
    for finding in findings:
        yield "".join(f"    {line}\n" for line in finding.render().splitlines())
    yield "## Right\n"
    yield from _files(shown.right)
    yield "[All rules](README.md)\n"


def _files(written: Mapping[str, str | Odd | None]) -> Iterator[str]:
    for path, text in written.items():
        if text is None:
            yield f"Without `{path}`.\n"
        elif isinstance(text, str):
            yield f"`{path}`\n\n```{LANGUAGES.get(path.rpartition('.')[2], 'text')}\n{text.rstrip()}\n```\n"
        else:
            how = f"{text.times} times this line" if text.times > 1 else f"saved as {text.encoding}"
            yield f"`{path}`, {how}:\n\n```text\n{text.text.rstrip()}\n```\n"


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def main() -> None:
    """Write the pages, and remove those of rules that are no more."""
    made = pages()
    for page in FOLDER.glob("*.md"):
        if page.name not in made:
            page.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
