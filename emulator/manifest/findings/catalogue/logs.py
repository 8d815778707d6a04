"""The log group and the log router."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import FindingKind


class Retention(FindingKind):
    code = "CL156"
    title = "retention that CloudWatch does not have"
    explanation = """
        CloudWatch Logs keeps records for certain numbers of days: 1, 3, 5, 7, 14, 30, 60, 90 and so on up to 3653.
        Copilot hands on any number, and the stack fails while it is deployed.
    """
    source = "Amazon CloudWatch Logs, `PutRetentionPolicy`: `retentionInDays`"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        logging:
          retention: 31
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        logging:
          retention: 30
    """


class LogRouter(FindingKind):
    code = "CL159"
    title = "log router configuration that does not work"
    explanation = """
        FireLens writes `destination` into the file of Fluent Bit as one output. Without `Name` it is no output at all,
        with an empty value Fluent Bit ends, and a line end would begin another line of the file. Copilot looks at none
        of it: the log router stops when the task starts, and the task with it.
    """
    source = "Amazon ECS, FireLens: custom log routing; Fluent Bit, the classic configuration format"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        logging:
          destination:
            name: cloudwatch
            region: eu-west-1
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        logging:
          destination:
            Name: cloudwatch
            region: eu-west-1
    """
