"""Which secrets and parameters stacks make, by their names. Pure: nothing is made."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from emulator.aws.stacks.evaluator import Place, Template, World
from emulator.aws.stacks.names import physical_name
from emulator.aws.stacks.preview import Unknown, unmade
from emulator.aws.stacks.problems import StackError
from emulator.aws.stacks.values import text

_STORES = {"AWS::SSM::Parameter": "ssm", "AWS::SecretsManager::Secret": "secretsmanager"}


def named_secrets(place: Place, templates: Sequence[Template]) -> set[tuple[str, str]]:
    """`ssm` or `secretsmanager` with the name, for every resource whose condition holds. What a template gets wrong is
    left out: it is an error where it is made."""
    world = World(place, templates, unmade, Unknown())
    found = set()
    for stack in world.stacks.values():
        with suppress(StackError):
            for logical_id in stack.logical_ids():
                with suppress(StackError):
                    if (store := _STORES.get(stack.type_of(logical_id))) is not None:
                        name = stack.property(logical_id, "Name") or physical_name(stack.name, logical_id)
                        found.add((store, text(name)))
    return found
