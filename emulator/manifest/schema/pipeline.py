"""`copilot/pipelines/<name>/manifest.yml`. Source: Copilot, internal/pkg/manifest/pipeline.go."""

from typing import Annotated

from emulator.manifest.schema.base import INT64, Block, Key
from emulator.model import JsonValue


class SourceProperties(Block):
    """What the provider of commits needs."""

    repository: str
    """The repository's URL, or `owner/name`."""
    branch: str | None = None
    """The branch that starts the pipeline; default `main`."""
    connection_name: str | None = None
    """An existing connection of CodeStar."""
    connection_arn: str | None = None
    """An existing connection of CodeStar, by its ARN."""
    access_token_secret: str | None = None
    """GitHubV1: the secret in Secrets Manager that holds the token."""
    output_artifact_format: str | None = None
    """`CODE_ZIP` or `CODEBUILD_CLONE_REF`."""


class PipelineSource(Block):
    """Where a pipeline's commits come from."""

    provider: str
    """GitHub, GitHubV1, CodeCommit or Bitbucket."""
    properties: SourceProperties
    """What the provider needs."""


class AdditionalPolicy(Block):
    """Permissions of the builds beyond those that they have."""

    policy_document: Annotated[JsonValue, Key("PolicyDocument")] = None
    """The policy, as IAM has it."""


class PipelineBuild(Block):
    """The CodeBuild project that builds images and templates."""

    image: str | None = None
    """The image it runs in."""
    buildspec: str | None = None
    """Its buildspec; default `copilot/pipelines/<name>/buildspec.yml`."""
    additional_policy: AdditionalPolicy | None = None
    """Permissions beyond Copilot's."""


class PipelineDeployment(Block):
    """A stack that a stage deploys. With nothing said: the workload of the deployment's name."""

    stack_name: str | None = None
    """The stack; default `<app>-<stage>-<name>`."""
    template_path: str | None = None
    """The template that the build makes; default `infrastructure/<name>-<stage>.stack.yml`."""
    template_config: str | None = None
    """Its parameters; default `infrastructure/<name>-<stage>.params.json`."""
    depends_on: list[str] = []
    """Deployments of the stage that come before."""


class PipelineAction(Block):
    """A build before or after a stage's deployments."""

    buildspec: str
    """The path of its buildspec, from the workspace's folder."""
    depends_on: list[str] = []
    """Actions of the same group that come before."""


class PipelineStage(Block):
    """One environment of a pipeline."""

    name: str
    """The environment."""
    requires_approval: Annotated[bool | None, Key(legacy=("require_approval",))] = None
    """Whether a person must approve first."""
    test_commands: list[str] = []
    """Commands run after the deployment."""
    deployments: dict[str, PipelineDeployment] = {}
    """Which stacks, in which order; default: every workload of the workspace at once."""
    pre_deployments: dict[str, PipelineAction] = {}
    """Builds before the deployments."""
    post_deployments: dict[str, PipelineAction] | None = None
    """Builds after the deployments, in place of test commands."""


class PipelineManifest(Block):
    """A pipeline: `render pipeline` makes a workflow or a buildspec of it."""

    name: str
    """The pipeline's name, 100 characters at most."""
    version: Annotated[int, INT64]
    """The version of the format, 1."""
    source: PipelineSource
    """Where commits come from."""
    build: PipelineBuild | None = None
    """How it builds."""
    stages: list[PipelineStage] = []
    """The environments, in order."""
