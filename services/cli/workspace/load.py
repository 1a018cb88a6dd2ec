"""A folder → the workspace it describes, or what is wrong with it. The one entry for `check`, `up` and `apply`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from services.cli.workspace.calendar_file import read_calendar, read_name_days
from services.cli.workspace.event_schemas import read_event_schemas
from services.cli.workspace.findings import Finding, Place, errors, in_order, short
from services.cli.workspace.journeys.cases import Case
from services.cli.workspace.journeys.cases_file import Shop, read_cases
from services.cli.workspace.journeys.facts_set import facts_set
from services.cli.workspace.journeys.groups import Filling, Group, read_group
from services.cli.workspace.journeys.journey_file import read_journey
from services.cli.workspace.journeys.later_steps import POOLS_FILE, SURVEYS_FILE
from services.cli.workspace.journeys.starts import check_starts
from services.cli.workspace.journeys.ways import Way, ways_of
from services.cli.workspace.reading.files import Files
from services.cli.workspace.reading.positions import Mapping as Tree
from services.cli.workspace.reading.positions import Node, read_yaml
from services.cli.workspace.reading.reader import read
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.reading.yaml_problems import BadYaml
from services.cli.workspace.rules import check_rules
from services.cli.workspace.rules.whole import Told, Whole
from services.cli.workspace.segments_file import read_segments
from services.cli.workspace.settings.settings_file import Reference, read_settings, references
from services.cli.workspace.shapes.journey import NAME_PATTERN
from services.cli.workspace.shapes.policies import CLASSES, SPEAKS_AS
from services.cli.workspace.shapes.vocabulary import Anything, Names
from services.cli.workspace.silences import Silenced, heard
from services.cli.workspace.surroundings import Surroundings, TemplateFolder
from services.cli.workspace.templates_folder import read_templates
from services.contracts.message import ROUTES
from services.contracts.schedule import Day
from services.contracts.segment import Segment
from services.contracts.settings import Settings
from services.contracts.workspace import Template, Workspace
from services.trigger_engine.journeys.own_facts import own_facts
from services.trigger_engine.policies.rules import ready

SETTINGS_FILE = "wici.yaml"
JOURNEYS, GROUPS = "journeys", "groups"
TESTS = ".test.yaml"
SEGMENTS_FILE = "segments.yaml"
NAMED = Names(Anything(), "pools or surveys by name", NAME_PATTERN, "cart-10")
CALENDAR_FILE, NAME_DAYS_FILE = "calendar.yaml", "name-days.yaml"
LATER_FILES = ("loyalty.yaml",)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder holds. `workspace` is None if any finding is an error; `files` counts those that were read.

    `silenced` are findings that a comment allows, with its reason. `cases` are the journeys' tests; `ways` has by
    journey where each way out of a step stands.
    `references` are the `$NAME`s of wici.yaml, which a service needs and `check` does not.
    """

    workspace: Workspace | None
    findings: list[Finding]
    references: tuple[Reference, ...] = ()
    files: int = 0
    silenced: tuple[Silenced, ...] = ()
    cases: tuple[Case, ...] = ()
    ways: Mapping[str, Mapping[Way, str]] = field(default_factory=dict)


def load(folder: Path) -> Loaded:
    """Read and check the workspace in `folder`. Never raises for what it finds there."""
    if not folder.is_dir():
        message, hint = "there is no such folder", "name a workspace's folder, or make one: wici init DIR"
        return Loaded(None, [Finding(str(folder), 0, 0, message, "missing-file", hint)])
    files = Files(folder)
    own_events = read_event_schemas(files)
    settings, named = _settings(files, own_events)
    templates = read_templates(files, settings.shop.locale if settings and settings.shop.locale else "en")
    around = _surroundings(files, settings, templates, own_events)
    days, name_days = _days(files)
    node = _tree(files, SEGMENTS_FILE)[0] if SEGMENTS_FILE in files.list(".") else None
    names = frozenset(node.values) if isinstance(node, Tree) else frozenset()
    pools, surveys = _named(files, POOLS_FILE), _named(files, SURVEYS_FILE)
    told, around = _journeys(files, replace(around, segments=names, days=days, pools=pools, surveys=surveys))
    segments = read_segments(node, files.sheet(SEGMENTS_FILE), around) if node is not None else ()
    unread = _unread(files)
    check_starts(((one.journey, one.node, one.sheet) for one in told), unread)
    cases = tuple(_cases(files, Shop({one.journey.name: one.journey for one in told}, around, unread)))
    _warn_of_later_files(files)
    if settings and not errors(files.sheet(SETTINGS_FILE).findings):
        check_rules(_whole(files, settings, told, segments, around))
    stay, silenced = heard(files.sheets)
    findings = in_order(stay)
    workspace = None
    if settings and not errors(findings):
        published, journeys = _published(templates, around), tuple(one.journey for one in told)
        workspace = Workspace(settings, journeys, published, own_events, segments, name_days=name_days)
    count = sum(1 for sheet in files.sheets.values() if sheet.text)
    ways = {one.journey.name: ways_of(one) for one in told}
    return Loaded(workspace, findings, named, count, tuple(silenced), cases, ways)


def _cases(files: Files, shop: Shop) -> Iterator[Case]:
    """The tests of every journey that has some."""
    for file in files.list(JOURNEYS):
        if file.endswith(TESTS):
            node, sheet = _tree(files, f"{JOURNEYS}/{file}")
            if node is not None:
                yield from read_cases(node, sheet, file.removesuffix(TESTS), shop)


def _whole(
    files: Files, settings: Settings, told: tuple[Told, ...], segments: tuple[Segment, ...], around: Surroundings
) -> Whole:
    """What the rules look at: journeys that can be relied on, and trees that may name what is used."""
    sheets = files.sheets.values()
    wrong = {one.file for one in sheets if errors(one.findings)}
    whole_groups = not any(file.startswith(f"{GROUPS}/") for file in wrong)
    readable = tuple(one for one in told if one.sheet.file not in wrong and whole_groups)
    home = files.sheet(SETTINGS_FILE)
    nodes = [one.node for one in sheets if one.node is not None and one is not home]
    nodes += [one.node for one in told]
    return Whole(settings, home, readable, not wrong, tuple(nodes), around.templates, segments, around)


def _named(files: Files, file: str) -> frozenset[str] | None:
    """The names that a file gives to what a later version makes of them."""
    if file not in files.list("."):
        return frozenset()
    node, sheet = _tree(files, file)
    if node is None:
        return None
    named = read(NAMED, node, sheet, file)
    return None if named is None else frozenset(named)


def _days(files: Files) -> tuple[dict[str, Day], dict[str, str]]:
    """The named days of the shop, and the days of first names."""
    here = files.list(".")
    calendar = _tree(files, CALENDAR_FILE) if CALENDAR_FILE in here else (None, None)
    names = _tree(files, NAME_DAYS_FILE) if NAME_DAYS_FILE in here else (None, None)
    return (
        read_calendar(calendar[0], calendar[1]) if calendar[0] and calendar[1] else {},
        read_name_days(names[0], names[1]) if names[0] and names[1] else {},
    )


def _settings(files: Files, own_types: Collection[str]) -> tuple[Settings | None, tuple[Reference, ...]]:
    if SETTINGS_FILE not in files.list("."):
        message, hint = "the workspace has no wici.yaml", "write one, or begin with: wici init DIR"
        files.sheet(SETTINGS_FILE).error(None, "missing-file", message, hint)
        return None, ()
    node, sheet = _tree(files, SETTINGS_FILE)
    if node is None:
        return None, ()
    return read_settings(node, sheet, own_types), tuple(references(node))


def _surroundings(
    files: Files,
    settings: Settings | None,
    templates: Mapping[str, TemplateFolder],
    own_events: Mapping[str, Mapping[str, Any]],
) -> Surroundings:
    """What journeys may refer to. A mistake in wici.yaml is said once: all channels then count."""
    if settings is None or errors(files.sheet(SETTINGS_FILE).findings):
        return Surroundings(templates, own_events, frozenset(ROUTES), frozenset(CLASSES))
    channels: frozenset[str] = frozenset(account.channel for account in settings.accounts)
    if settings.webhooks.secret:
        channels |= {"webhook"}
    zone = settings.shop.time_zone
    speaking = {name for name, sender in settings.senders.items() if sender.email}
    counts_as = ready(settings).counts_as
    with_sender = frozenset(name for name in counts_as if {counts_as[name], SPEAKS_AS.get(counts_as[name])} & speaking)
    never = tuple(cap for cap in settings.policies.caps if cap.at_most == 0)
    return Surroundings(
        templates, own_events, channels, with_sender, time_zone=zone, locale=settings.shop.locale,
        counts_as=counts_as, never=never, topics=frozenset(settings.topics), teams=settings.teams,
    )  # fmt: skip


def _groups(files: Files) -> dict[str, tuple[Group | None, Place, Sheet]]:
    """The groups by name, with the places of their names; None for one that cannot be used, which is said already."""
    found: dict[str, tuple[Group | None, Place, Sheet]] = {}
    taken: dict[str, str] = {}
    for path, node, sheet in _trees(files, GROUPS):
        group = read_group(node, sheet)
        name = group.name if group else path.removeprefix(f"{GROUPS}/").removesuffix(".yaml")
        at = node.values["group"].place if isinstance(node, Tree) and "group" in node.values else node.place
        if group:
            _check_name(name, at, ("group", path), taken, sheet)
        found.setdefault(name, (group, at, sheet))
    return found


def _trees(files: Files, folder: str) -> Iterator[tuple[str, Node, Sheet]]:
    """What the YAML files of a folder say, without tests."""
    for file in files.list(folder):
        path = f"{folder}/{file}"
        if file.endswith(".yml"):
            files.sheet(path).warning(None, "bad-name", "the file is not read", "rename it to end in .yaml")
        if not file.endswith(".yaml") or file.endswith(TESTS):
            continue
        node, sheet = _tree(files, path)
        if node is not None:
            yield path, node, sheet


def _used(files: Files, trees: Iterable[tuple[str, Node, Sheet]]) -> list[tuple[str, Node, Sheet]]:
    """The trees of the journeys, each `use` of a group filled. A group that none uses is a warning."""
    groups = _groups(files)
    filled, used = [], set()
    for path, node, sheet in trees:
        filling = Filling({name: group for name, (group, _, _) in groups.items()}, sheet)
        filled.append((path, filling.fill(node), sheet))
        used |= filling.used
    for name, (group, at, sheet) in groups.items():
        if group is not None and name not in used:
            hint = f"write - use: {name} in a journey"
            sheet.warning(at, "unused-group", f"no journey uses {short(name)}: its steps are not checked", hint)
    return filled


def _journeys(files: Files, around: Surroundings) -> tuple[tuple[Told, ...], Surroundings]:
    """The journeys, and the surroundings with the facts that they set."""
    trees = _used(files, _trees(files, JOURNEYS))
    around = replace(around, facts=own_facts(facts_set(node for _, node, _ in trees), around.own_events))
    told = tuple(Told(read_journey(node, sheet, around), node, sheet) for _, node, sheet in trees)
    taken: dict[str, str] = {}
    for one, (path, node, sheet) in zip(told, trees, strict=True):
        if one.journey.name and isinstance(node, Tree):
            _check_name(one.journey.name, node.values["journey"].place, ("journey", path), taken, sheet)
    return told, around


def _unread(files: Files) -> frozenset[str]:
    """The journeys that nothing is known of, by their files' names: what is wrong there is said already."""
    written = (file for file in files.list(JOURNEYS) if file.endswith(".yaml") and not file.endswith(TESTS))
    return frozenset(file.removesuffix(".yaml") for file in written if files.sheet(f"{JOURNEYS}/{file}").node is None)


def _check_name(name: str, at: Place, written: tuple[str, str], taken: dict[str, str], sheet: Sheet) -> None:
    """`written` is what has the name, journey or group, and its file."""
    what, path = written
    if name in taken:
        hint = f"{taken[name]} has the name already"
        sheet.error(at, "duplicate-name", f"two {what}s are named {short(name)}", hint)
    elif path != f"{what}s/{name}.yaml":
        hint = f"rename the file to {name}.yaml, or the {what}"
        sheet.warning(at, "name-mismatch", f"the {what} {short(name)} stands in another file's name", hint)
    taken.setdefault(name, path)


def _tree(files: Files, path: str) -> tuple[Node | None, Sheet]:
    sheet = files.read(path)
    if sheet is None:
        return None, files.sheet(path)
    try:
        node = sheet.node = read_yaml(sheet.text)
    except BadYaml as error:
        sheet.error(error.place, error.rule, error.message, error.hint)
        return None, sheet
    if node is None:
        sheet.error(Place(1, 1), "empty-file", "the file says nothing", "write it, or remove the file")
    return node, sheet


def _published(templates: Mapping[str, TemplateFolder], around: Surroundings) -> dict[str, dict[str, Template]]:
    return {name: dict(folder.compiled) for name, folder in templates.items() if folder.compiled} | around.variants


def _warn_of_later_files(files: Files) -> None:
    for name in files.list("."):
        if name in LATER_FILES:
            sheet = files.sheet(name)
            sheet.warning(
                None, "not-yet-applied", f"{name} is not read in this version", "its journeys cannot use it yet"
            )
