"""Which subscriptions of a workspace's workers are to topics that their services do not publish (CL167).

Source: Copilot, `validateTopicsExist` in internal/pkg/cli/deploy/deploy.go: it looks at the topics that are deployed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.app.compile import ignored, load_manifest
from emulator.app.selection import Target, warning
from emulator.compiler.messaging import FIFO_SUFFIX, subscribed_topic, topic_name
from emulator.errors import CopilotLocalError, Finding, Severity
from emulator.events import Emit
from emulator.manifest.schema.worker_service import WorkerService
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.ecs.service import Service

TOPIC_CODE: Final = "CL167"


def warn_unpublished(target: Target, services: Sequence[Service], emit: Emit) -> None:
    """Says which of these services subscribe to what is not published: no message comes to their queues."""
    workers = tuple(service.name for service in services if service.subscriptions)
    for finding in unpublished_topics(replace(target, services=workers)) if workers else ():
        emit(warning(replace(finding, severity=Severity.WARNING)))


def unpublished_topics(target: Target) -> list[Finding]:
    """A finding for each such subscription of the services that are meant. What services of other workspaces publish
    is not known, nor that of those whose manifest cannot be read. Findings can be silenced."""
    from emulator.manifest.findings.suppression import unsilenced

    published: dict[str, Collection[str] | None] = {}
    found: list[Finding] = []
    for name in target.services:
        try:
            loaded = load_manifest(target, name)
        except CopilotLocalError:
            continue  # said where manifests are checked
        worker = loaded.manifest
        if not isinstance(worker, WorkerService):
            continue
        for number, subscription in enumerate(worker.subscribe.topics):
            service, topic = subscription.service, subscribed_topic(worker, subscription)
            if service not in published:
                published[service] = _published(target, service)
            there = published[service]
            if there is not None and topic not in there:
                path = f"subscribe.topics[{number}].name"
                message = f"{service} publishes no topic {topic}"
                found.append(Finding(TOPIC_CODE, message, loaded.position(path), path, _hint(topic, there)))
    return unsilenced(found, ignored(target.workspace))


def _published(target: Target, service: str) -> Collection[str] | None:
    """The names of the topics that a service of the workspace publishes, None where they are not known."""
    if service not in target.workspace.services:
        return None
    with contextlib.suppress(CopilotLocalError):
        return [topic_name(topic) for topic in load_manifest(target, service).manifest.publish.topics]
    return None


def _hint(topic: str, published: Collection[str]) -> str:
    if topic + FIFO_SUFFIX in published:
        return "that topic is FIFO: give the subscription a queue with `fifo: true`, or take `fifo` from the topic"
    if topic.removesuffix(FIFO_SUFFIX) in published:
        return (
            "a FIFO queue reads a FIFO topic: give the topic `fifo: true`, or the subscription a queue without `fifo`"
        )
    return did_you_mean(topic, published, "its topics")
