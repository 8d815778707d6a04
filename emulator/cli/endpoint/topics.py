"""`copilot-local topics`: who listens to the topics, and messages published by hand."""

from __future__ import annotations

from emulator.cli.endpoint.asking import Attributes, Body, Endpoint, Group, Topic, attributes_of, text_of

_COLUMNS = {"name": "TOPIC", "subscriptions": "QUEUES", "topic": "NAME IN SNS"}


def list_(at: Endpoint = Endpoint()) -> None:
    """List the topics, with the queues that are subscribed to each."""
    at.show(at.ask("topics"), _COLUMNS, "there is no topic")


def publish(
    topic: Topic, body: Body, attribute: Attributes = None, group: Group = None, at: Endpoint = Endpoint()
) -> None:
    """Publish a message to a topic. Filter policies of subscriptions look at its attributes."""
    found = at.ask("publish", topic=topic, body=text_of(body), attributes=attributes_of(attribute), group=group)
    at.tell(found, f"message {found['id']} was published to {found['topic']}")
