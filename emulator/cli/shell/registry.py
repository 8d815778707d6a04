"""The verbs: what the help says of each, and where its function is.

A verb's module is imported when the verb is used, so that no verb waits for what another one needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Table = Mapping[str, tuple[str, str]]
"""By the verb's name: `module:function` in this package, and the first line of the function's docstring."""

VERBS: Final[Table] = {
    "init": (
        "run.init:init",
        "Write the names of everything that the workspace lacks here, to be filled in; add to what is there already.",
    ),
    "up": ("run.up:up", "Run services as ECS on Fargate would, and show their logs until Ctrl-C."),
    "down": ("run.down:down", "Stop an environment in reverse order of its dependencies and remove it."),
    "prune": (
        "run.prune:prune",
        "Remove what environments that are gone have left: networks, volumes without data, images that were built.",
    ),
    "compose": (
        "run.compose:compose",
        "Be a provider of Docker Compose: what it runs for a service with `provider: {type: copilot-local}`.",
    ),
    "run": ("run.run:run", "Run a Scheduled Job once, show its logs, and exit with its code."),
    "ps": ("observe.ps:ps", "Show the services of an environment, their tasks and containers, and where they answer."),
    "ls": ("observe.ls:ls", "List the environments on this machine, with what runs of each."),
    "logs": ("observe.logs:logs", "Show the logs of an environment's containers."),
    "scale": ("run.scale_restart_stop:scale", "Set how many tasks of a service run, until the next `up` of it."),
    "restart": (
        "run.scale_restart_stop:restart",
        "Replace the tasks of services by new ones: the new are healthy before the old stop.",
    ),
    "stop": (
        "run.scale_restart_stop:stop",
        "Stop services, or single tasks by their ids; the network and the other services stay.",
    ),
    "deployment": (
        "run.scale_restart_stop:deployment",
        "Answer the PAUSE hook that a deployment waits at: let it go on, or back to the tasks before it.",
    ),
    "exec": ("run.exec:exec", "Run a command in a container, with this terminal where there is one."),
    "env": (
        "observe.env:env",
        "Print the variables of a container, for a program that runs on this machine in its place.",
    ),
    "aws": ("run.aws:aws", "Run the AWS command line against the local endpoint, with its keys."),
    "permissions": (
        "endpoint.permissions:permissions",
        "Show which calls services made to the local AWS endpoint, and whether their roles would allow them on AWS.",
    ),
    "cp": ("run.cp:cp", "Copy files or folders into a container or out of it, as `docker cp` does."),
    "route": (
        "manifest.route:route",
        "Show which rule of the load balancer a request hits and why, and what the container will see.",
    ),
    "trace": (
        "observe.trace:trace",
        "Send a request and show every hop it takes, or show live traffic until Ctrl-C. Needs no change to containers.",
    ),
    "traces": (
        "observe.traces:traces",
        "List traces, show one as a waterfall with its log lines, or show which service calls which.",
    ),
    "targets": (
        "observe.targets:targets",
        "Show the load balancers' targets with their health, in the words of `describe-target-health`.",
    ),
    "connect": (
        "observe.connect:connect",
        "Show Service Connect: names, the tasks behind each, and calls, retries and avoided tasks of each client.",
    ),
    "port": ("run.port:port", "Print the address of a load balancer, such as 127.0.0.1:8080."),
    "forward": (
        "run.port:forward",
        "Lead ports of this machine to an environment on a Docker daemon elsewhere, until Ctrl-C.",
    ),
    "open": ("run.open:open", "Open a running service in the browser, and print its URL."),
    "api": (
        "run.api:api",
        "Answer the ECS API on 127.0.0.1 for every environment that runs on this machine, until Ctrl-C.",
    ),
    "console": (
        "observe.console:console",
        "Show an environment on a local web page, and act on it there, until Ctrl-C.",
    ),
    "snapshot": (
        "observe.snapshot:snapshot",
        "Write what the console shows into one file, which `console --snapshot FILE` opens anywhere; no secrets.",
    ),
    "trust": (
        "run.trust:trust",
        "Print how programs, browsers and systems are made to trust the local HTTPS certificates.",
    ),
    "trust-workspace": (
        "run.trust_workspace:trust_workspace",
        "Give a workspace what it asks for and may not decide alone: credentials, secrets, files outside of it.",
    ),
    "events": (
        "observe.events:events",
        "Print ECS state changes of tasks and deployments: a line for each, or JSON as EventBridge sends it.",
    ),
    "inspect": (
        "observe.inspect:inspect",
        "Print tasks in the shape of `aws ecs describe-tasks`: those that run, and the last that stopped.",
    ),
    "export": (
        "observe.export:export",
        "Write what helps to find a bug into one archive: plan, events, logs, configurations, versions; no secrets.",
    ),
    "validate": (
        "manifest.validate:validate",
        "Check manifests: unknown keys, wrong values, and what Copilot would ignore without a word.",
    ),
    "config": ("manifest.config:config", "Print a manifest merged for the environment, with variables filled in."),
    "graph": (
        "manifest.graph:graph",
        "Draw services: containers and their order, routes, logs, messages and addons; as Mermaid or SVG.",
    ),
    "schema": ("manifest.schema:schema", "Print the JSON Schema of manifests, for editors."),
    "reference": (
        "manifest.reference:reference",
        "Print the reference as Markdown, made from the code: commands, settings, manifest, findings, addons, testing.",
    ),
    "doctor": (
        "observe.doctor:doctor",
        "Check Docker, builds, images, ports and settings. Exits with 1 if something is broken, 125 without Docker.",
    ),
}
GROUPS: Final[Mapping[str, tuple[str, Table]]] = {
    "render": (
        "Print a service, or what services share, as it would be deployed.",
        {
            "taskdef": (
                "manifest.render:taskdef",
                "Print the task definition as JSON, as `aws ecs register-task-definition --cli-input-json` takes it.",
            ),
            "cloudformation": (
                "manifest.render_cloudformation:cloudformation",
                "Print a CloudFormation stack for a service: no custom resources, no Lambda functions.",
            ),
            "express": (
                "manifest.proposals.render_express:express",
                "Print a stack for a service as an Express Mode service of ECS, or everything that it cannot say.",
            ),
            "manifest": (
                "manifest.proposals.render_manifest:manifest",
                "Print a manifest for ECS that is proposed for a Request-Driven Web Service.",
            ),
            "static-site": (
                "manifest.proposals.render_static_site:static_site",
                "Print a stack that is proposed for a Static Site, and the commands that copy its files.",
            ),
            "app": (
                "manifest.render_app:app",
                "Print a stack with a repository for each service whose image is built, for a new account.",
            ),
            "environment": (
                "manifest.render_environment:environment",
                "Print the stack of an environment, with what the services of the workspace need of it: no Lambda "
                "functions.",
            ),
            "pipeline": (
                "manifest.pipeline.verb:pipeline",
                "Print a pipeline as a GitHub workflow, or as a buildspec that downloads no Copilot.",
            ),
            "compose": (
                "manifest.render_compose:compose",
                "Print a Compose file that runs one task of a service with plain `docker compose`.",
            ),
        },
    ),
    "leave": (
        "Leave Copilot without loss: what would be lost, policies that keep it, a verdict before each step.",
        {
            "report": (
                "leave.report:report",
                "Show what would be lost with each of Copilot's stacks of an environment, or of some services of it.",
            ),
            "protect": (
                "leave.protect:protect",
                "Print a deployed template with policies that keep every resource, and the commands that bring them "
                "about.",
            ),
            "check": (
                "leave.check:check",
                "Say whether change sets can be executed without loss. Exits with 1 unless all is known to be safe.",
            ),
            "back": (
                "leave.back:back",
                "Print the commands that lead a stack back to what it was before a step, whatever state it is in.",
            ),
        },
    ),
    "queues": (
        "Look into the queues of the local AWS endpoint; send, move back and remove messages. Without a verb: list.",
        {
            "list": (
                "endpoint.queues:list_",
                "List the queues: messages that wait, in flight, delayed, and dead letters.",
            ),
            "peek": (
                "endpoint.queues:peek",
                "Show the first messages of a queue, also those in flight. Nothing changes: no receive count, no "
                "visibility.",
            ),
            "send": (
                "endpoint.queues:send",
                "Send a message to a queue as it is. What comes through a topic has SNS's envelope: see `topics "
                "publish`.",
            ),
            "redrive": ("endpoint.queues:redrive", "Move the dead letters of a queue back to it."),
            "purge": ("endpoint.queues:purge", "Remove every message of a queue, also those in flight."),
        },
    ),
    "topics": (
        "Look at the topics of the local AWS endpoint, and publish. Without a verb: list.",
        {
            "list": ("endpoint.topics:list_", "List the topics, with the queues that are subscribed to each."),
            "publish": (
                "endpoint.topics:publish",
                "Publish a message to a topic. Filter policies of subscriptions look at its attributes.",
            ),
        },
    ),
    "tables": (
        "Look into the tables of the local AWS endpoint. Without a verb: list.",
        {
            "list": ("endpoint.tables:list_", "List the tables, with their keys and the number of their items."),
            "items": ("endpoint.tables:items", "Show the first items of a table as plain JSON, one per line."),
        },
    ),
    "buckets": (
        "Look into the buckets of the local AWS endpoint. Without a verb: list.",
        {
            "list": ("endpoint.buckets:list_", "List the buckets, with the number and size of their objects."),
            "objects": ("endpoint.buckets:objects", "List the first objects of a bucket by their keys."),
        },
    ),
    "firelens": (
        "Look at the log router.",
        {
            "config": (
                "manifest.firelens:config",
                "Print the router's configuration as ECS would generate it, the one in use here, and why they differ.",
            ),
            "check": (
                "manifest.firelens:check",
                "Start the real router on ECS's configuration for a moment, without network, and say what it rejects.",
            ),
            "metrics": (
                "manifest.firelens:metrics",
                "Show Fluent Bit's own counters: records and bytes in and out, retries, errors, drops.",
            ),
            "tail": (
                "manifest.firelens:tail",
                "Show what a log router says itself, its errors with the line of the manifest that they are about.",
            ),
        },
    ),
}
"""Verbs of two words: what the help says of the first, and the table of the second."""
