"""Queues, topics and jobs."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import VALIDATE, FindingKind


class Queue(FindingKind):
    code = "CL137"
    title = "queue or topic settings that do not fit"
    explanation = """
        SQS has limits: a message is kept 1 minute to 14 days, delayed up to 15 minutes, hidden up to 12 hours, and
        tried 1 to 1000 times. SNS takes five names in a filter policy, and for each a list of what matches, in a way
        that it knows. Copilot hands on other values, and the stack fails while it is deployed. Topics that are there
        twice, or whose names differ in signs alone, collide in CloudFormation, which has letters and digits only.
    """
    source = (
        "Amazon SQS, `SetQueueAttributes`; Amazon SNS, `Subscribe`; Copilot, "
        f"`FIFOAdvanceConfig.validateHighThroughputFIFO` in {VALIDATE}"
    )
    bad = """
        name: web
        type: Worker Service
        image: {location: worker}
        subscribe:
          topics:
            - {name: orders, service: shop}
          queue:
            delay: 1h
    """
    good = """
        name: web
        type: Worker Service
        image: {location: worker}
        subscribe:
          topics:
            - {name: orders, service: shop}
          queue:
            delay: 15m
    """


class UnpublishedTopic(FindingKind):
    code = "CL167"
    title = "subscription to a topic that its service does not publish"
    note = "looked for between the services of one workspace, by `up` too, which warns"
    explanation = """
        Copilot refuses to deploy a Worker Service while a topic that it subscribes to is not there. On this machine the
        topic is made, so that messages can be published by hand, and none comes from the service. The names differ
        also where one of the two is FIFO: a FIFO queue reads the topic with `.fifo` behind its name. What services of
        other workspaces publish is not known.
    """
    source = "Copilot, `validateTopicsExist` in internal/pkg/cli/deploy/deploy.go, `WorkerService.Subscriptions`"
    bad = """
        name: web
        type: Worker Service
        image: {location: worker}
        subscribe:
          topics:
            - {name: orders, service: shop}
    """
    good = """
        name: web
        type: Worker Service
        image: {location: worker}
        subscribe:
          topics:
            - {name: orders, service: shop}
          queue: {fifo: true}
    """
    beside = (
        (
            "copilot/shop/manifest.yml",
            """
            name: shop
            type: Backend Service
            image: {location: shop, port: 80}
            publish:
              topics:
                - {name: orders, fifo: true}
            """,
        ),
    )


class Job(FindingKind):
    code = "CL139"
    title = "job settings that do not fit"
    explanation = """
        The state machine of a Scheduled Job takes a timeout of whole seconds, one at least, and no negative number of
        retries. Copilot refuses the manifest when it renders the stack.
    """
    source = "Copilot, `stateMachineOpts` in internal/pkg/deploy/cloudformation/stack/scheduled_job.go"
    bad = """
        name: web
        type: Scheduled Job
        image: {location: report}
        on: {schedule: "@daily"}
        timeout: 500ms
    """
    good = """
        name: web
        type: Scheduled Job
        image: {location: report}
        on: {schedule: "@daily"}
        timeout: 30s
    """
