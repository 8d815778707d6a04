"""Patches of listener rules (`overrides/cfn.patches.yml`) for the load balancer of this machine.

A renderer applies all patches to its finished template. Here, those of a rule's conditions, transforms and priority
apply to the model; the others stay, and `not_applied` names them. Logical ids are those of Copilot's templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from emulator.compiler.context import Context
from emulator.compiler.property_tree import patch_value, value_of
from emulator.ecs.addons.model import TemplatePatch
from emulator.ecs.json_patch import apply_patch
from emulator.ecs.listener.properties import (
    UnknownValue,
    condition_properties,
    read_jwt,
    read_rule,
    transform_properties,
)
from emulator.ecs.properties import Properties, scalar_text
from emulator.ecs.references import ResourceReference
from emulator.ecs.service import Condition, HostHeader, ListenerRule, Service
from emulator.errors import Finding, InputError, Position, Severity, Unsupported
from emulator.manifest.schema.backend_service import BackendService
from emulator.model import InvalidData, make

NOT_APPLIED = "CL716"
_APPLIED = ("Conditions", "Transforms", "Priority", "Actions")
_OF_STACKS = (["DeletionPolicy"], ["UpdateReplacePolicy"], ["Metadata"])
"""What of a resource matters to its stack alone: no load balancer is another one by it."""
_RULE = re.compile(r"(HTTPS?)Listener(Redirect)?Rule(WithDomain)?(?:ForImportedALB)?(\d*)")
_GROUP = re.compile(r"TargetGroup(?:ForImportedALB)?\d*")
_NAME = re.compile(r"https?(?:-(\d+))?")
_OWN_NAME = make(ResourceReference, name="PublicLoadBalancer", attribute="DNSName")


def apply_listener_patches(
    context: Context, rules: Sequence[ListenerRule], patches: Sequence[TemplatePatch]
) -> tuple[list[ListenerRule], list[TemplatePatch]]:
    """The rules with what of the patches applies to them, and the other patches.

    Where the load balancer has no HTTPS listener here, the rule on HTTP stands for the one on HTTPS. Raises InputError
    at the line of a patch that cannot be applied or that leads to no listener rule.
    """
    left: list[TemplatePatch] = []
    changed: dict[str, _PatchedRule] = {}
    for patch in patches:
        rule, exact = _meant(rules, patch)
        if rule is None or patch.path[2:3] != ["Properties"] or (patch.path + [""] * 4)[3] not in _APPLIED:
            left.append(patch)
            continue
        tree = changed.setdefault(rule.name, _PatchedRule.of(context, rule))
        try:
            tree.apply(context, patch)
        except Unsupported:
            left.append(patch)
        except InputError:
            if exact:
                raise
            left.append(patch)
    found = []
    for rule in rules:
        if (patched := changed.get(rule.name)) is not None and patched.patches:
            try:
                rule = patched.rule()
            except UnknownValue:
                left += patched.patches
        found.append(rule)
    return found, [patch for patch in patches if any(patch is one for one in left)]


def not_applied(service: Service) -> Iterator[Finding]:
    """A warning for each patch of a listener rule or target group that only a deployment has. `service` is compiled to
    run on this machine."""
    for patch in service.template_patches:
        name = patch.path[1] if patch.path[:1] == ["Resources"] and len(patch.path) > 1 else ""
        if not (_RULE.fullmatch(name) or _GROUP.fullmatch(name)) or patch.path[2:3] in _OF_STACKS:
            continue
        path = f"/{'/'.join(patch.path)}"
        yield Finding(
            NOT_APPLIED,
            f"{path} changes the deployed load balancer only, not the one on this machine",
            patch.position,
            hint="of a listener rule that is here, Conditions, Transforms, Priority and an added jwt-validation action"
            " are applied, where no value of theirs needs a deployment",
            severity=Severity.WARNING,
            copilot_accepts=True,
        )


def _meant(rules: Sequence[ListenerRule], patch: TemplatePatch) -> tuple[ListenerRule | None, bool]:
    """The rule that a patch changes, and whether it has that very name here: with HTTPS, a deployment has another rule
    for the same requests."""
    found = _RULE.fullmatch(patch.path[1]) if patch.path[:1] == ["Resources"] and len(patch.path) > 2 else None
    if found is None:
        return None, False
    mine = {rule.listener: rule for rule in rules if (_number(rule) or "") == found[4]}
    secure = "HTTPS" in mine
    if found[1] == "HTTPS":
        return mine.get("HTTPS") or mine.get("HTTP"), secure
    if found[2] or found[3]:  # of the rule on HTTP beside one on HTTPS
        return (mine.get("HTTP"), True) if secure else (None, False)
    return mine.get("HTTPS") or mine.get("HTTP"), not secure


def _number(rule: ListenerRule) -> str | None:
    found = _NAME.fullmatch(rule.name)
    return found[1] if found else rule.name


@dataclass(slots=True)
class _PatchedRule:
    """A rule's properties while patches are applied to them."""

    original: ListenerRule
    internal: bool
    tree: Properties
    patches: list[TemplatePatch] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)
    jwt: object = None
    """A `jwt-validation` action that a patch adds."""

    @classmethod
    def of(cls, context: Context, rule: ListenerRule) -> _PatchedRule:
        """As Copilot's template has them: the load balancer's own name is there for internal services only."""
        internal = isinstance(context.manifest, BackendService)
        conditions = [
            condition_properties(_with_own_name(condition, internal), _OWN_NAME) for condition in rule.conditions
        ]
        tree: Properties = {"Conditions": conditions}
        if rule.transforms:
            tree["Transforms"] = [transform_properties(transform) for transform in rule.transforms]
        tree["Priority"] = rule.priority
        return cls(rule, internal, tree)

    def apply(self, context: Context, patch: TemplatePatch) -> None:
        keys = patch.path[3:]
        if keys[0] == "Priority":
            self._set_priority(patch)
        elif keys[0] == "Actions":
            self._add_action(context, patch)
        else:
            value = _as_text(patch_value(patch, context.template_names))
            items = self.tree.get(keys[0])
            if len(keys) > 1 and keys[1] == "-" and isinstance(items, list):
                keys = [keys[0], str(len(items)), *keys[2:]]
            local = patch.model_copy(update={"path": patch.path[3:]})
            apply_patch(self.tree, local, value, base="/" + "/".join(patch.path[:3]))
        self.patches.append(patch)
        if patch.position is not None:
            self.positions[".".join(keys[:2])] = patch.position

    def _add_action(self, context: Context, patch: TemplatePatch) -> None:
        """Of actions, one that validates a token is taken; the others say what the manifest says already."""
        value = value_of(patch.value, "Actions", patch.position, context.template_names) if patch.op == "add" else None
        action = _as_text(value)
        if not isinstance(action, dict) or action.get("Type") != "jwt-validation" or len(patch.path) != 5:
            raise Unsupported("an action that is not here", position=patch.position)
        if not patch.path[1].startswith("HTTPS"):
            raise InputError(
                "a load balancer validates tokens on HTTPS listeners alone",
                position=patch.position,
                hint="add the action to the rule of that listener: /Resources/HTTPSListenerRule/Properties/Actions/0",
            )
        self.jwt = action

    def _set_priority(self, patch: TemplatePatch) -> None:
        number = patch.value if isinstance(patch.value, int | str) else ""
        if patch.op == "remove" or isinstance(number, bool) or not str(number).isdecimal():
            raise Unsupported("a priority that is no number", position=patch.position)
        self.tree["Priority"] = int(number)

    def rule(self) -> ListenerRule:
        """The changed rule. Raises InputError at the patch to blame, UnknownValue where only a deployment has it."""
        try:
            conditions, transforms = read_rule(self.tree, _OWN_NAME)
            jwt = read_jwt(self.jwt) if self.jwt is not None else self.original.jwt
        except InvalidData as error:
            problem = error.problems[0]
            keys = [str(key) for key in problem.keys]
            where = self.positions.get(".".join(keys[:2])) or self.positions.get(keys[0]) or self.patches[-1].position
            raise InputError(
                f"/Resources/{self.patches[-1].path[1]}/Properties makes no listener rule: {problem}",
                position=where,
                hint="the properties are those of AWS::ElasticLoadBalancingV2::ListenerRule",
            ) from None
        if not self.internal and any(_own_name(item) for item in self.original.conditions):
            conditions = [_with_own_name(condition, True) for condition in conditions]
        changes = {
            "conditions": conditions,
            "transforms": transforms,
            "jwt": jwt,
            "priority": self.tree["Priority"],
            "patches": self.positions,
        }
        return self.original.model_copy(update=changes)


def _own_name(condition: Condition) -> bool:
    return isinstance(condition, HostHeader) and condition.load_balancer_name


def _with_own_name(condition: Condition, wanted: bool) -> Condition:
    """A host condition with the load balancer's own name, or without; every other as it is."""
    if not isinstance(condition, HostHeader) or condition.load_balancer_name == wanted:
        return condition
    return condition.model_copy(update={"load_balancer_name": wanted})


def _as_text(value: object) -> object:
    """Scalars as CloudFormation turns them into text."""
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return scalar_text(value)
