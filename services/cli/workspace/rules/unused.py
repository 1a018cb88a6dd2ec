"""What stands in the workspace and nobody uses, and topics that customers cannot choose."""

from __future__ import annotations

from services.cli.workspace.findings import Place, short
from services.cli.workspace.reading.positions import Mapping as Tree
from services.cli.workspace.rules.whole import Whole, words
from services.contracts.message import MessageClass

ADVERTISES: tuple[MessageClass, ...] = ("marketing", "opinion")


def unused_template(whole: Whole) -> None:
    """A template that no journey names."""
    if not whole.complete:
        return
    named = set(words(whole.nodes))
    for name, folder in whole.templates.items():
        sheets = [sheet for files in folder.sheets.values() for sheet in files.values()]
        if name not in named and sheets:
            hint = "name it in a journey, or remove its folder"
            sheets[0].warning(Place(1, 1), "unused-template", f"no journey says {short(name)}", hint)


def unused_topic(whole: Whole) -> None:
    """A topic that no message belongs to: the preference centre does not show it."""
    if not whole.complete:
        return
    used = set(words(whole.nodes))
    node = whole.home.node.values.get("topics") if isinstance(whole.home.node, Tree) else None
    for name in whole.settings.topics:
        if name not in used:
            at = node.keys[name] if isinstance(node, Tree) and name in node.keys else None
            message = f"no journey belongs to the topic {short(name)}, so customers never see it"
            hint = f"write topic: {name[:60]} in a journey, or remove it here"
            whole.home.warning(at, "unused-topic", message, hint)


def no_topic(whole: Whole) -> None:
    """Advertising that customers can only leave altogether, though others have a topic."""
    if not whole.settings.topics:
        return
    for told in whole.journeys:
        send = next((one for one in told.sends() if whole.counts_as(told.klass(one)) in ADVERTISES), None)
        if send is not None and told.journey.topic is None:
            message = "who does not want this can only leave everything: the journey has no topic"
            hint = f"write topic: with one of {', '.join(sorted(whole.settings.topics))}"
            told.sheet.warning(told.at("journey"), "no-topic", message, hint)


def topic_of_no_choice(whole: Whole) -> None:
    """A topic on messages that nobody is asked about."""
    for told in whole.journeys:
        classes = {whole.counts_as(told.klass(send)) for send in told.sends()}
        if told.journey.topic and classes and not classes & set(ADVERTISES):
            message = f"{' and '.join(sorted(classes))} messages are sent whatever a customer chose, topic or not"
            hint = "leave the topic out, or write class: marketing"
            told.sheet.warning(told.at("topic"), "topic-without-choice", message, hint)


RULES = (unused_template, unused_topic, no_topic, topic_of_no_choice)
