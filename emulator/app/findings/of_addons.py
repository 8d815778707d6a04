"""Outputs of addons that are not there in an environment, since their condition does not hold (CL142).

Source: Copilot, templates/workloads/partials/cf/addons.yml and envvars-common.yml, which ask the nested stack for every
output; AWS CloudFormation, `Fn::GetAtt` of a nested stack's outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.app.compile import ADDON_CODE
from emulator.ecs.addons.references import conditions_in, references_in
from emulator.errors import Finding
from emulator.runtime.specs.aws.stacks import stack_name

if TYPE_CHECKING:
    from emulator.aws.stacks.evaluator import Stack
    from emulator.ecs.addons.model import Addons
    from emulator.ecs.service import Service


def absent_outputs(service: Service) -> Iterator[Finding]:
    """A finding for each; not where a condition depends on what only the deployed stack knows."""
    addons = service.addons
    conditions = {
        name: output["Condition"]
        for name, output in (addons.section("Outputs") if addons is not None else {}).items()
        if isinstance(output, dict) and isinstance(output.get("Condition"), str)
    }
    if addons is None or not conditions:
        return
    stack = _stack(service, addons)
    for name, condition in conditions.items():
        if not _is_known(addons, str(condition), set()) or _holds(stack, str(condition)):
            continue
        message = f"the output {name} is not there in {service.environment}, where {condition} does not hold, and the "
        message += "service asks for every output"
        hint = f"take Condition from the output, and give the value with !If [{condition}, …, '']"
        yield Finding(ADDON_CODE, message, addons.positions.get(f"Outputs.{name}"), hint=hint, copilot_accepts=True)


def _stack(service: Service, addons: Addons) -> Stack:
    from emulator.aws.stacks.evaluator import Place, Template, World
    from emulator.aws.stacks.preview import Unknown, unmade
    from emulator.regions import DEFAULT_REGION, LOCAL_ACCOUNT

    given = {"App": service.app, "Env": service.environment, "Name": service.name}
    template = Template(stack_name(service), addons.sections, {**addons.parameters, **given})
    return World(Place(LOCAL_ACCOUNT, DEFAULT_REGION), [template], unmade, Unknown()).stacks[template.name]


def _holds(stack: Stack, condition: str) -> bool:
    from emulator.aws.stacks.problems import Problem, StackError

    try:
        return stack.condition(condition)
    except (Problem, StackError):
        return True  # what is wrong with it is said where the template is looked at


def _is_known(addons: Addons, condition: str, seen: set[str]) -> bool:
    """Whether a condition is made of parameters with plain values, and of nothing else."""
    if condition in seen:
        return False
    definition = addons.section("Conditions").get(condition)
    values = {**dict.fromkeys(("App", "Env", "Name"), ""), **addons.parameters}
    for name, _ in references_in(definition):
        parameter = addons.section("Parameters").get(name)
        kind = str(parameter.get("Type", "")) if isinstance(parameter, dict) else ""
        if not kind or kind.startswith("AWS::SSM::") or isinstance(values.get(name), dict | list):
            return False
    return all(_is_known(addons, other, {*seen, condition}) for other in conditions_in(definition))
