"""The stack of an application: a repository for each workload whose image is built."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.ecs.names import logical_id
from emulator.render.cloudformation.intrinsics import Sub
from emulator.render.cloudformation.policies import document
from emulator.render.cloudformation.template import RETAINED, Properties, Template
from emulator.render.cloudformation.writer import to_yaml

_PULL = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")


def render_repositories(app: str, workloads: Sequence[str], accounts: Sequence[str]) -> str:
    """The template as YAML: repositories `<app>/<workload>`, which outlive the stack, and from which the accounts may
    pull; the stack's own account needs no permission for that. Source of the names: Copilot, app stack set."""
    template = Template(description=f"Images of {app}")
    for name in workloads:
        id = f"ECRRepo{logical_id(name)}"
        template.resource(
            id,
            "AWS::ECR::Repository",
            {
                "RepositoryName": f"{app}/{name}",
                "RepositoryPolicyText": _policy(accounts) if accounts else None,
                "Tags": [{"Key": "copilot-application", "Value": app}, {"Key": "copilot-service", "Value": name}],
            },
        )
        template.resources[id].other = dict(RETAINED)
        uri = Sub(f"${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.${{AWS::URLSuffix}}/${{{id}}}")
        template.output(f"{id}URI", uri, f"Where the image of {name} is pushed to.")
    header = f"Repositories of {app}. Images are what `render cloudformation --tag TAG` asks for."
    return to_yaml(template.document(), header=header)


def _policy(accounts: Sequence[str]) -> Properties:
    """Other accounts pull, and do not push."""
    roots = [Sub(f"arn:${{AWS::Partition}}:iam::{account}:root") for account in accounts]
    return document(
        [
            {
                "Sid": "AllowPull",
                "Effect": "Allow",
                "Principal": {"AWS": roots},
                "Action": [f"ecr:{action}" for action in _PULL],
            }
        ]
    )
