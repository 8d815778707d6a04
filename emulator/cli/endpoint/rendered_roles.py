"""The roles of services as they are deployed, with what their policies refer to: for `copilot-local permissions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from emulator.app.selection import LoadedService, region
from emulator.ecs.messaging import dead_letter_queue_name, queue_name, topic_name
from emulator.ecs.service import Service
from emulator.manifest.yaml.reader import parse_node
from emulator.manifest.yaml.untyped import untyped
from emulator.regions import partition
from emulator.render.cloudformation.messaging import topic_id
from emulator.render.cloudformation.stack import StackOptions, render_stack
from emulator.runtime.specs.aws.stacks import stack_name, stacks_of
from emulator.runtime.state.desired import DesiredService
from emulator.settings import LocalOptions

_SECTIONS = ("Parameters", "Mappings", "Conditions", "Resources")


def role_request(loaded: Sequence[LoadedService]) -> dict[str, list[dict[str, Any]]]:
    """The arguments of `emulator.aws.permissions.report.permissions`. Raises InputError, with file and line, for a
    manifest, patch or override that cannot be rendered."""
    desired = [
        DesiredService(service=one.service, options=LocalOptions(region=region(), values=dict(one.settings.values)))
        for one in loaded
    ]
    stacks = stacks_of(desired)
    roles: list[dict[str, Any]] = []
    for one in desired:
        service, name = one.service, f"{one.service.app}-{one.service.environment}-{one.service.name}"
        account = one.options.account
        arn = f"arn:{partition(region())}:iam::{account}:role/{name}-TaskRole"
        values = _values(service, account) | {"TaskRole": f"{name}-TaskRole", "TaskRole.Arn": arn}
        stacks.append({"name": name, "template": _template(service), "parameters": {}, "values": values})
        policies = [reference.name for reference in service.task_role_policies]
        addons = stack_name(service) if service.addons is not None else ""
        roles.append({"service": service.name, "stack": name, "addons": addons, "policies": policies, "arn": arn})
    return {"stacks": stacks, "roles": roles}


def _template(service: Service) -> dict[str, Any]:
    """The service's stack as it is rendered for Copilot's environment, in long form, with the patches of what is about
    permissions."""
    own = [patch for patch in service.template_patches if _is_about_permissions(patch.path)]
    text = render_stack(service.model_copy(update={"template_patches": own}), StackOptions(in_copilot_environment=True))
    node = parse_node(text, "stack")
    assert node is not None
    document = cast("dict[str, Any]", untyped(node))
    found: dict[str, Any] = {name: document[name] for name in _SECTIONS if name in document}
    role = service.task_definition.task_role_arn
    if isinstance(role, str):  # a role of one's own, which is not here
        found["Resources"]["TaskRole"] = {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": [role]}}
    return found


def _is_about_permissions(path: Sequence[str]) -> bool:
    return len(path) > 1 and path[0] == "Resources" and (path[1] == "TaskRole" or path[1].endswith("Policy"))


def _values(service: Service, account: str) -> dict[str, str]:
    """What the resources of the stack are called here."""
    owner = (service.app, service.environment, service.name)

    def arn(kind: str, name: str) -> str:
        return f"arn:{partition(region())}:{kind}:{region()}:{account}:{name}"

    found = {topic_id(topic.name): arn("sns", topic_name(*owner, topic.name)) for topic in service.topics}
    for queue in service.queues:
        names = {queue.resource: queue_name(*owner, queue)}
        if queue.dead_letter_tries is not None:
            stem = "" if queue.resource == "EventsQueue" else queue.resource.removesuffix("EventsQueue")
            names[f"{stem}DeadLetterQueue"] = dead_letter_queue_name(*owner, queue)
        for resource, name in names.items():
            found |= {resource: name, f"{resource}.Arn": arn("sqs", name)}
    group = arn("logs", f"log-group:{service.log_group.name}:*")
    return found | {"LogGroup": service.log_group.name, "LogGroup.Arn": group}
