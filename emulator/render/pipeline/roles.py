"""The roles of a workflow: who may take each (OpenID Connect), and no more than its job needs.

Source: GitHub, "Configuring OpenID Connect in Amazon Web Services": the subject of a job in an environment is
`repo:OWNER/NAME:environment:ENVIRONMENT`, of one without `repo:OWNER/NAME:ref:refs/heads/BRANCH`.
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.ecs.names import logical_id
from emulator.render.cloudformation.intrinsics import Sub
from emulator.render.cloudformation.policies import document, policy, statement
from emulator.render.cloudformation.template import Properties, Template
from emulator.render.cloudformation.writer import to_yaml
from emulator.render.pipeline.model import Pipeline, Stage

ISSUER = "token.actions.githubusercontent.com"
_PUSH = (
    "BatchCheckLayerAvailability",
    "BatchGetImage",
    "CompleteLayerUpload",
    "GetDownloadUrlForLayer",
    "InitiateLayerUpload",
    "PutImage",
    "UploadLayerPart",
)
_DEPLOY = (
    "CreateChangeSet",
    "DeleteChangeSet",
    "DescribeChangeSet",
    "DescribeStackEvents",
    "DescribeStacks",
    "ExecuteChangeSet",
    "GetTemplate",
)


def render_roles(pipeline: Pipeline) -> str:
    """The stack of the roles, as YAML: one that builds, and one for each stage."""
    template = Template(description=f"Roles of the workflow {pipeline.name} of {pipeline.app}")
    if pipeline.images:
        subject = f"repo:{pipeline.repository}:ref:refs/heads/{pipeline.branch}"
        _role(template, pipeline, "BuildRole", subject, _build_statements(pipeline), "BUILD_ROLE of the repository")
    for stage in pipeline.stages:
        subject = f"repo:{pipeline.repository}:environment:{stage.name}"
        where = f"DEPLOY_ROLE of the environment {stage.name}"
        statements = _stage_statements(pipeline, stage)
        _role(template, pipeline, f"DeployRole{logical_id(stage.name).capitalize()}", subject, statements, where)
    header = f"Roles of the workflow {pipeline.name}. The account needs the identity provider {ISSUER}, once."
    return to_yaml(template.document(), header=header)


def _role(
    template: Template, pipeline: Pipeline, id: str, subject: str, statements: Sequence[Properties], where: str
) -> None:
    provider = Sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:oidc-provider/{ISSUER}")
    trust: Properties = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": subject}},
    }
    policies = [policy("pipeline", statements)]
    if pipeline.policy:
        policies.append({"PolicyName": "additional", "PolicyDocument": pipeline.policy})
    template.resource(
        id,
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": document([trust]),
            "Policies": policies,
            "Tags": [{"Key": "copilot-application", "Value": pipeline.app}],
        },
    )
    template.output(id, Sub(f"${{{id}.Arn}}"), f"Variable {where}.")


def _build_statements(pipeline: Pipeline) -> list[Properties]:
    repositories = sorted({(image.repository, image.region, image.account) for image in pipeline.images}, key=str)
    arns = [
        Sub(
            f"arn:${{AWS::Partition}}:ecr:{region or '${AWS::Region}'}:{account or '${AWS::AccountId}'}"
            f":repository/{name}"
        )
        for name, region, account in repositories
    ]
    return [statement("ecr:GetAuthorizationToken", "*"), statement([f"ecr:{action}" for action in _PUSH], arns)]


def _stage_statements(pipeline: Pipeline, stage: Stage) -> list[Properties]:
    region = stage.region or "${AWS::Region}"
    stacks = [
        Sub(f"arn:${{AWS::Partition}}:cloudformation:{region}:${{AWS::AccountId}}:stack/{name}/*")
        for name in dict.fromkeys(one.stack for one in stage.deployments)
    ]
    found = [
        statement([f"cloudformation:{action}" for action in _DEPLOY], stacks),
        statement("cloudformation:GetTemplateSummary", "*"),
    ]
    if pipeline.execution_role:
        role = f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{pipeline.app}-{stage.name}-CFNExecutionRole"
        passed: Properties = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
        found.append(statement("iam:PassRole", Sub(role), condition=passed))
    if pipeline.bucket:
        place = f"arn:${{AWS::Partition}}:s3:::{pipeline.bucket}/pipelines/*"
        found.append(statement(["s3:GetObject", "s3:PutObject"], Sub(place)))
    return found
