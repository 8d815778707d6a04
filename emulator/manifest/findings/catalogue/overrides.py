"""What changes the task definition and the stack beside the manifest: overrides, patches, addons."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import MANIFEST, VALIDATE, FindingKind

_SERVICE = """
    name: web
    type: Load Balanced Web Service
    image: {location: nginx, port: 80}
    http: {path: /}
"""


class Override(FindingKind):
    code = "CL138"
    title = "task definition override that is not possible"
    explanation = """
        A path of `taskdef_overrides` leads nowhere, or to a name that holds the task together. Copilot refuses the
        manifest, or fails when it renders the stack.
    """
    source = f"Copilot, `OverrideRule.validate` in {VALIDATE}; internal/pkg/template/override"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        taskdef_overrides:
          - path: ContainerDefinitions[1].User
            value: nginx
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        taskdef_overrides:
          - path: ContainerDefinitions[0].User
            value: nginx
    """


class Addon(FindingKind):
    code = "CL142"
    title = "addon template that does not fit"
    note = "read by `validate` of a workspace, with overrides and patches"
    explanation = """
        The templates of an `addons/` folder become one nested stack, to which Copilot gives the parameters `App`, `Env`
        and `Name`. Each must be declared; others need a value in `addons.parameters.yml`. Copilot fails when it
        packages the service. It cannot read loops (`Fn::ForEach`) in place of resources and outputs, and leaves the
        sections `Rules` and `Hooks` out. A reference to what none of the templates has (a resource, a parameter, a
        condition, a mapping), resources that need each other in a circle, a resource without `Type` and an output
        without `Value` fail when CloudFormation reads them. An output whose `Condition` does not hold fails with the
        service's stack, which asks for every output.
    """
    source = "Copilot, internal/pkg/addon: required parameters, and the merge of templates"
    file = "copilot/web/addons/table.yml"
    bad = """
        Parameters:
          App: {Type: String}
        Resources: {}
    """
    good = """
        Parameters:
          App: {Type: String}
          Env: {Type: String}
          Name: {Type: String}
        Resources:
          Table:
            Type: AWS::SDB::Domain
    """
    beside = ((MANIFEST, _SERVICE),)


class Patch(FindingKind):
    code = "CL143"
    title = "patch of the template that is not possible"
    explanation = """
        `overrides/cfn.patches.yml` of a service or of environments changes the stack by JSON Patch, and an operation
        has a path that is not in it. Copilot fails when it renders the stack. Resources that only Copilot's own stack
        has (its Lambda functions) and its conditions are not in a stack that copilot-local renders: a warning. Of a
        pipeline's patches only the form is looked at.
    """
    source = "Copilot, internal/pkg/override/patch.go; RFC 6902"
    file = "copilot/web/overrides/cfn.patches.yml"
    bad = """
        - op: replace
          path: /Resources/Servce/Properties/PlatformVersion
          value: 1.4.0
    """
    good = """
        - op: add
          path: /Resources/Service/Properties/PlatformVersion
          value: 1.4.0
    """
    beside = ((MANIFEST, _SERVICE),)


class Registration(FindingKind):
    code = "CL144"
    title = "task definition that ECS refuses"
    explanation = """
        Together with its overrides and patches, the manifest leads to a task definition that ECS does not register for
        Fargate. Copilot does not look at it: the stack fails while it is deployed.
    """
    source = "Amazon ECS, `RegisterTaskDefinition`: the parameters and limits of Fargate"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        taskdef_overrides:
          - path: ContainerDefinitions[0].Privileged
            value: true
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        taskdef_overrides:
          - path: ContainerDefinitions[0].ReadonlyRootFilesystem
            value: true
    """


class PatchNotHere(FindingKind):
    code = "CL716"
    title = "patch of the load balancer that changes the deployed one only"
    note = "`up` and `route` say so too"
    explanation = """
        Of patches of listener rules, the load balancer on this machine has those of `Conditions`, `Transforms` and
        `Priority`. Other patches of listener rules (such as actions that authenticate) and of target groups are
        rendered, and change the deployed load balancer only. The same holds for a value that only a deployment knows,
        and for a rule that is not there without HTTPS.
    """
    source = "copilot-local: what of `overrides/cfn.patches.yml` is applied on this machine"
    file = "copilot/web/overrides/cfn.patches.yml"
    bad = """
        - op: add
          path: /Resources/TargetGroup/Properties/TargetGroupAttributes/-
          value: {Key: slow_start.duration_seconds, Value: "60"}
    """
    good = """
        - op: add
          path: /Resources/HTTPListenerRule/Properties/Conditions/-
          value:
            Field: http-header
            HttpHeaderConfig: {HttpHeaderName: X-Version, RegexValues: ["^v[0-9]+$"]}
    """
    beside = ((MANIFEST, _SERVICE),)
