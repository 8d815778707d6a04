"""Makes what an environment lives with, inside the endpoint's container. Its answer, which goes to JSON:

{"stacks": {NAME: {"outputs": {NAME: {"value", "secret"}}, "exports": {NAME: value},
                   "resources": {LOGICAL ID: {"type", "physical", "attributes"}}}},
 "queues": {NAME: {"url", "arn"}}, "topics": {NAME: arn},
 "databases": {"STACK/LOGICAL ID": {"engine", "version", "username", "password", "dbname"}},
 "warnings": [{"position", "text"}]}
"""

from __future__ import annotations

from typing import Any

from emulator.aws.stacks.clients import Clients, Refused
from emulator.aws.stacks.context import Context
from emulator.aws.stacks.evaluator import Stack, World
from emulator.aws.stacks.messaging import topic_arn
from emulator.aws.stacks.problems import Problem, placed
from emulator.aws.stacks.providers.registry import make
from emulator.aws.stacks.providers.secretsmanager import ensure_secret, secret_name
from emulator.aws.stacks.providers.sqs import queue_arn, queue_url
from emulator.aws.stacks.providers.ssm import SECURE, ensure_parameter
from emulator.aws.stacks.providers.stores import EndpointStores
from emulator.aws.stacks.request import Request
from emulator.aws.stacks.values import Secret, is_secret

_ENVIRONMENT = "environment"


def provision(request: Request) -> dict[str, Any]:
    """Makes everything and gives the answer. Raises StackError for the first thing that cannot be made."""
    clients = Clients(request.url, request.place.region)
    context = Context(
        place=request.place,
        clients=clients,
        seed=request.seed,
        public_url=request.public_url,
        warn=lambda resource, text: world.warn(resource.position, f"{resource.stack}: {text}"),
        databases=request.databases,
    )
    world = World(
        request.place,
        request.templates,
        lambda resource: make(context, resource),
        EndpointStores(clients),
        request.exports,
    )
    with placed(_ENVIRONMENT, "endpoint"):
        _give(request, clients, world)
        request.messaging.ensure(context)
        world.complete()
    return {
        "stacks": {name: _stack(stack) for name, stack in world.stacks.items()},
        "queues": {
            queue.name: {"url": queue_url(context, queue.name), "arn": queue_arn(context, queue.name)}
            for queue in request.messaging.queues
        },
        "topics": {topic.name: topic_arn(context, topic.name) for topic in request.messaging.topics},
        "databases": context.accounts,
        "warnings": [{"position": warned.position, "text": warned.text} for warned in world.warnings],
    }


def _give(request: Request, clients: Clients, world: World) -> None:
    """Puts the user's own secrets and parameters into the endpoint; a name that AWS refuses is a warning."""
    for name, value in request.secrets.items():
        ensure_secret(clients, secret_name(name), value, force=True)
    for name, value in request.parameters.items():
        path = name.partition(":parameter")[2] or name if name.startswith("arn:") else name
        try:
            ensure_parameter(clients, path, value, SECURE)
        except Refused:
            raise
        except Problem as problem:
            world.warn("", f"{problem.message}: it is left out of the local endpoint")


def _stack(stack: Stack) -> dict[str, Any]:
    outputs = {name: stack.output(name) for name in stack.output_names()}
    return {
        "outputs": {name: {"value": value, "secret": isinstance(value, Secret)} for name, value in outputs.items()},
        "exports": {export: outputs[name] for name, export in stack.export_names()},
        "resources": {
            logical_id: {
                "type": stack.type_of(logical_id),
                "physical": made.ref,
                "attributes": {name: value for name, value in made.attributes.items() if not is_secret(value)},
            }
            for logical_id, made in stack.made.items()
        },
    }
