"""`copilot-local topics`: who listens to the topics, and messages published by hand."""

from __future__ import annotations

from emulator.cli.endpoint.asking import Attributes, Body, Group, Topic, asked, attributes_of, show, tell, text_of
from emulator.cli.shell.options import App, Env, Format, OutputFormat

_COLUMNS = {"name": "TOPIC", "subscriptions": "QUEUES", "topic": "NAME IN SNS"}


def list_(app: App = None, env: Env = None, format: Format = OutputFormat.TEXT) -> None:
    """List the topics, with the queues that are subscribed to each."""
    show(asked(app, env, "topics"), _COLUMNS, format, "there is no topic")


def publish(
    topic: Topic,
    body: Body,
    attribute: Attributes = None,
    group: Group = None,
    app: App = None,
    env: Env = None,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Publish a message to a topic. Filter policies of subscriptions look at its attributes."""
    found = asked(
        app, env, "publish", topic=topic, body=text_of(body), attributes=attributes_of(attribute), group=group
    )
    said = f"message {found['id']} was published to {found['topic']}"
    tell(found, said, format)
