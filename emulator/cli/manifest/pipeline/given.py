"""From a pipeline's manifest and the workspace to the pipeline that is rendered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.app.compile import registration_findings
from emulator.app.deployment import OVERRIDES_FOLDER
from emulator.app.load import load_services
from emulator.app.selection import LoadedService, Selection, Target, warning
from emulator.cli.manifest.losses.environment_files import environment_files, missing_variables
from emulator.cli.manifest.pipeline.actions import actions_of, build_script
from emulator.cli.manifest.pipeline.names import unknown_environment, unknown_workloads
from emulator.cli.manifest.rendering import stack_options
from emulator.display.failure import shown_path
from emulator.errors import FindingsError, InputError, Position, UsageError
from emulator.events import Emit, Event, EventKind
from emulator.manifest import load_pipeline
from emulator.manifest.yaml.nodes import Scalar
from emulator.manifest.yaml.reader import parse, read
from emulator.render.pipeline.model import Deployment, Image, Pipeline, Stage, Upload, Value
from emulator.render.pipeline.shell import FOLDER
from emulator.spelling import did_you_mean
from emulator.workspace import COPILOT_FOLDER

if TYPE_CHECKING:
    from emulator.app.deployment import Deployment as Settled
    from emulator.manifest import LoadedPipeline
    from emulator.manifest.schema.pipeline import PipelineDeployment, PipelineStage

_GITHUB = re.compile(r"(?:https://github\.com/|git@github\.com:|)(?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_TEMPLATE_URL = "AddonsTemplateURL"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says of a pipeline. `github` is whether the result is for GitHub."""

    github: bool
    requirement: str
    repository: str | None = None
    bucket: str | None = None
    execution_role: bool = True
    committed: bool = False
    """Templates of workloads are in the repository."""
    options: tuple[str, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    """Addresses of images that are not built, by their containers."""


def pipeline_name(target: Target, name: str | None) -> str:
    """The pipeline that is meant. Raises UsageError, and InputError where there is none."""
    folder = target.workspace.root / COPILOT_FOLDER / "pipelines"
    known = sorted(_files(target))
    if not known:
        raise InputError(
            f"there is no pipeline in {folder}",
            hint=f"write {folder}/NAME/manifest.yml: docs/how-to/pipelines.md has an example",
        )
    if name is not None and name not in known:
        raise UsageError(f"there is no pipeline {name} in {folder}", hint=did_you_mean(name, known, "pipelines"))
    if name is None and len(known) > 1:
        raise UsageError(f"{len(known)} pipelines could be meant: {', '.join(known)}", hint="name one of them")
    return name or known[0]


def _files(target: Target) -> dict[str, Path]:
    """The manifests of the pipelines by their names: that of the folder, of one without a folder what it says."""
    files = {}
    for file in target.workspace.pipelines:
        name = file.parent.name
        if file.parent.name == COPILOT_FOLDER:
            given = parse(read(file), str(file)).root.get("name")
            name = given.text if isinstance(given, Scalar) else file.stem
        files[name] = file
    return files


def read_pipeline(target: Target, name: str, selection: Selection, wanted: Wanted, emit: Emit) -> Pipeline:
    """The pipeline, with what each of its stages deploys.

    Raises InputError with file and line for what cannot be carried over, and what reading manifests raises.
    """
    path = _files(target)[name]
    loaded = load_pipeline(path, variables=target.variables, app=target.app)
    for finding in loaded.findings:
        emit(warning(finding))
    if wanted.github and (path.parent / OVERRIDES_FOLDER).is_dir():
        what = "changes Copilot's own stack of the pipeline, which has no counterpart here: it is not carried over"
        emit(Event(EventKind.WARNING, shown_path(path.parent / OVERRIDES_FOLDER), what))
    if not loaded.manifest.stages:
        raise InputError("the pipeline has no stages", position=Position(str(path), 1), hint="name its environments")
    collector = _Collector(target, loaded, selection, wanted, emit)
    stages = tuple(collector.stage(number) for number in range(len(loaded.manifest.stages)))
    build = loaded.manifest.build
    return Pipeline(
        app=target.app,
        name=loaded.manifest.name,
        repository=_repository(loaded, wanted) if wanted.github else "",
        branch=loaded.manifest.source.properties.branch or "main",
        stages=stages,
        images=tuple(collector.images.values()),
        build=build_script(loaded, target, emit),
        policy=build.additional_policy.policy_document if build and build.additional_policy else None,
        requirement=wanted.requirement,
        bucket=wanted.bucket or "",
        options=wanted.options,
        execution_role=wanted.execution_role,
        committed=wanted.committed,
    )


def one_deployment(target: Target, service: str, selection: Selection, wanted: Wanted, emit: Emit) -> Pipeline:
    """A pipeline of one stage, the target's environment, that deploys one workload."""
    from emulator.manifest.load.loader import LoadedPipeline
    from emulator.manifest.schema.pipeline import PipelineDeployment, PipelineManifest, PipelineStage
    from emulator.manifest.yaml.nodes import Mapping as Tree

    deployments = {service: PipelineDeployment.model_construct()}
    stage = PipelineStage.model_construct(name=target.environment, deployments=deployments)
    manifest = PipelineManifest.model_construct(name=service, stages=[stage])
    loaded = LoadedPipeline(manifest, target.workspace.manifest_path(service), Tree({}, "", 1, 1))
    collector = _Collector(target, loaded, selection, wanted, emit)
    stages = (collector.stage(0),)
    return Pipeline(
        app=target.app, name=service, repository="", branch="", stages=stages, images=tuple(collector.images.values()),
        bucket=wanted.bucket or "", execution_role=wanted.execution_role, options=wanted.options,
    )  # fmt: skip


def _repository(loaded: LoadedPipeline, wanted: Wanted) -> str:
    source = loaded.manifest.source
    if wanted.repository is None and not source.provider.startswith("GitHub"):
        raise InputError(
            f"the source is {source.provider}, and GitHub runs workflows of its own repositories only",
            position=loaded.position("source.provider"),
            hint="`--to buildspec` makes a buildspec; `--repository OWNER/NAME` names the repository on GitHub",
        )
    found = _GITHUB.fullmatch(wanted.repository or source.properties.repository)
    if found is None:
        if wanted.repository is not None:
            raise UsageError(f"--repository {wanted.repository} is no repository on GitHub", hint="give OWNER/NAME")
        raise InputError(
            f"{source.properties.repository} is no repository on GitHub",
            position=loaded.position("source.properties.repository"),
            hint="write https://github.com/OWNER/NAME, or give --repository OWNER/NAME",
        )
    return found["name"]


@dataclass(slots=True)
class _Collector:
    target: Target
    loaded: LoadedPipeline
    selection: Selection
    wanted: Wanted
    emit: Emit
    images: dict[str, Image] = field(default_factory=dict)

    def stage(self, number: int) -> Stage:
        manifest = self.loaded.manifest.stages[number]
        self._check_name(manifest, number)
        services, where = self._services(manifest, number)
        names = manifest.deployments or dict.fromkeys(services)
        at = f"stages[{number}]"
        read = (self.target.workspace.root, self.loaded, self.emit)
        return Stage(
            name=manifest.name,
            approval=bool(manifest.requires_approval),
            region=where[1],
            account=where[0],
            before=actions_of(manifest.pre_deployments, f"{at}.pre_deployments", *read),
            deployments=tuple(
                self._deployment(manifest, name, given, services.get(name), number) for name, given in names.items()
            ),
            afterwards=actions_of(manifest.post_deployments or {}, f"{at}.post_deployments", *read),
            tests=tuple(manifest.test_commands),
        )

    def _check_name(self, stage: PipelineStage, number: int) -> None:
        if not _NAME.fullmatch(stage.name):
            raise InputError(
                f"{stage.name!r} is no name of an environment", position=self.loaded.position(f"stages[{number}].name")
            )
        if (unknown := unknown_environment(self.target.workspace, self.loaded, number)) is not None:
            raise InputError(unknown.message, position=unknown.position, hint=unknown.hint)

    def _services(
        self, stage: PipelineStage, number: int
    ) -> tuple[dict[str, LoadedService], tuple[str | None, str | None]]:
        """The services that the stage deploys, by their names; and its account and region, where settings have them."""
        from emulator.app.deployment import Deployment as Given
        from emulator.app.deployment import deployment
        from emulator.settings import load_settings

        where = deployment(load_settings(self.target.workspace.root), stage.name, Given())
        known = self.target.workspace.services
        names = [name for name in stage.deployments if name in known] if stage.deployments else known
        for unknown in unknown_workloads(self.target.workspace, self.loaded, number):
            raise InputError(unknown.message, position=unknown.position, hint=unknown.hint)
        if not names:
            return {}, (where.account, where.region)
        # Where none is named, workloads that do not run on ECS are passed over with a warning.
        named = tuple(names) if stage.deployments else ()
        chosen = replace(self.selection, environment=stage.name, services=named, new_environment=True)
        found = load_services(chosen, self.emit, given=Given(images=self.wanted.images))
        for one in found:
            if findings := registration_findings(one.service, one.manifest, one.surroundings):
                raise FindingsError(one.service.manifest, findings)
        return {one.service.name: one for one in found}, (where.account, where.region)

    def _deployment(
        self,
        stage: PipelineStage,
        name: str,
        given: PipelineDeployment | None,
        loaded: LoadedService | None,
        number: int,
    ) -> Deployment:
        app = self.target.app
        stack = (given and given.stack_name) or f"{app}-{stage.name}-{name}"
        template = (given and given.template_path) or f"{FOLDER}/{name}-{stage.name}.stack.yml"
        config = (given and given.template_config) or f"{FOLDER}/{name}-{stage.name}.params.json"
        after = tuple(given.depends_on) if given else ()
        plain = Deployment(name, stack[:128], template, config, after=after)
        if loaded is not None:
            if not _NAME.fullmatch(name):
                raise InputError(f"{name!r} is no name of a workload", position=Position(loaded.service.manifest, 1))
            self._refuse_committed_templates(name, given, number)
            values = dict(self._values(loaded, stage))
            tags = {"copilot-application": app, "copilot-environment": stage.name, "copilot-service": name}
            nested = loaded.service.addons is not None
            usual = replace(plain, config="" if self.wanted.github else config)
            self._need_committed(usual.template, name, stage)
            for value in values.values():
                if isinstance(value, Upload) and value.url:
                    self._need_committed(value.file, name, stage)
            return replace(usual, service=name, values=values, tags=tags, nested=nested)
        path = f"stages[{number}].deployments.{name}"
        environment = re.fullmatch(rf"{FOLDER}/([a-z][a-z0-9-]*)\.env\.yml", template)
        if environment and not (self.wanted.committed and not (self.target.workspace.root / template).is_file()):
            tags = {"copilot-application": app, "copilot-environment": environment[1]}
            usual = replace(plain, config="" if self.wanted.github else config)
            values = dict(self._environment_values(environment[1], path))
            return replace(usual, environment=environment[1], values=values, tags=tags, nested=bool(values))
        for file in (template, *([given.template_config] if given and given.template_config else [])):
            if not (self.target.workspace.root / file).is_file():
                raise InputError(
                    f"{file} is not in the workspace, and nothing makes it",
                    position=self.loaded.position(path),
                    hint="workloads are rendered, and environments into `infrastructure/ENVIRONMENT.env.yml`",
                )
        return replace(plain, config=config if given and given.template_config else "")

    def _environment_values(self, name: str, path: str) -> Iterator[tuple[str, Value]]:
        """What the parameters of an environment's stack are given: the template of its addons, where it has any."""
        from emulator.app.deployment import environment_addons

        if environment_addons(self.target.workspace) is None:
            return
        file = f"{FOLDER}/{name}.environment.addons.stack.yml"
        self._need_bucket(f"the environment {name}", "the template of its addons", self.loaded.position(path))
        if self.wanted.committed and not (self.target.workspace.root / file).is_file():
            raise InputError(
                f"{file} is not in the workspace, and --committed deploys it",
                position=self.loaded.position(path),
                hint=f"`copilot-local render environment -e {name} --in-place --output-dir {FOLDER}` writes it",
            )
        yield _TEMPLATE_URL, Upload(file, url=True)

    def _refuse_committed_templates(self, name: str, given: PipelineDeployment | None, number: int) -> None:
        """A workload's template and parameters are rendered: files of these names would be written over, or unread."""
        for key, file in (
            ("template_path", given and given.template_path),
            ("template_config", given and given.template_config),
        ):
            if file and not file.startswith(f"{FOLDER}/"):
                raise InputError(
                    f"{key} of {name} is outside of {FOLDER}/: the template of a workload and its parameters are "
                    "rendered, and no file of yours is deployed for them",
                    position=self.loaded.position(f"stages[{number}].deployments.{name}.{key}"),
                    hint=f"leave {key} out; docs/how-to/pipelines.md says how to own a template",
                )

    def _values(self, loaded: LoadedService, stage: PipelineStage) -> Iterator[tuple[str, Value]]:
        """What the parameters of a service's stack are given. Raises InputError for one that nothing gives a value."""
        from emulator.render.cloudformation.options import OF_MANIFEST
        from emulator.render.cloudformation.stack import stack_document

        service, where = loaded.service, loaded.deployment
        parameters = stack_document(service, stack_options(loaded)).get("Parameters")
        images = {image_parameter(name, service.main_container): name for name in service.builds}
        for name in self.wanted.images:
            if name not in service.builds:
                hint = did_you_mean(name, service.builds, "built containers")
                raise UsageError(f"no container {name} of {service.name} is built, so --image gives it none", hint=hint)
        files = dict(environment_files(loaded))
        for name, parameter in parameters.items() if isinstance(parameters, dict) else ():
            if name in images:
                given = where.images.get(images[name])
                yield name, given if given is not None else self._image(loaded, images[name], stage, where)
            elif isinstance(parameter, Mapping) and "Default" in parameter:
                # The AWS command line keeps the value that the stack has, whatever the default has become.
                if name in OF_MANIFEST or name in where.parameters:
                    yield name, str(parameter["Default"])
            elif name == _TEMPLATE_URL:
                self._need_bucket(service.name, "the template of its addons", Position(service.manifest, 1))
                yield name, Upload(f"{FOLDER}/{service.name}-{stage.name}.addons.stack.yml", url=True)
            elif file := files.get(name):
                if problem := missing_variables(loaded, name, file):
                    raise problem
                self._need_bucket(service.name, file.name, file.position)
                yield name, Upload(file.name, url=False)
            else:
                raise InputError(
                    f"the stack of {service.name} asks for {name}, to which a pipeline has no value",
                    position=Position(service.manifest, 1),
                    hint=f"give it in [environments.{stage.name}.parameters] of copilot-local.toml",
                )

    def _need_committed(self, file: str, name: str, stage: PipelineStage) -> None:
        if self.wanted.committed and not (self.target.workspace.root / file).is_file():
            command = f"copilot-local render cloudformation {name} -e {stage.name} --in-copilot-environment"
            raise InputError(
                f"{file} is not in the workspace, and --committed deploys it",
                position=Position(str(self.target.workspace.manifest_path(name)), 1),
                hint=f"`{command} --output-dir {FOLDER}` writes it; commit it",
            )

    def _need_bucket(self, service: str, what: str, position: Position | None) -> None:
        if self.wanted.bucket is None:
            raise InputError(
                f"{service} needs a bucket for {what}",
                position=position,
                hint="give --bucket NAME, such as the artifact bucket of Copilot's application: "
                f"`copilot-local aws app show -a {self.target.app} --run` says its name",
            )

    def _image(self, loaded: LoadedService, container: str, stage: PipelineStage, where: Settled) -> Image:
        """The image of a container, which stages share where it is built alike for them."""
        service = loaded.service
        platform = service.task_definition.runtime_platform
        arm = platform is not None and platform.cpu_architecture == "ARM64"
        sidecar = container != service.main_container
        image = Image(
            id="",
            repository=f"{service.app}/{service.name}",
            build=service.builds[container].model_copy(update={"position": None}),
            prefix=container if sidecar else "",
            region=where.region,
            platform="linux/arm64" if arm else "linux/amd64",
            account=where.app_account,
        )
        alike = [one for one in self.images.values() if replace(one, id="", suffix="") == image]
        if alike:
            return alike[0]
        id = re.sub(r"\W", "_", f"{service.name}_{container}" if sidecar else service.name)
        others = {one.id for one in self.images.values()}
        built_before = any(
            (one.repository, one.prefix, one.region) == (image.repository, image.prefix, where.region)
            for one in self.images.values()
        )
        if id in others:
            id += "_" + re.sub(r"\W", "_", stage.name)
        made = replace(image, id=id, suffix=stage.name if built_before else "")
        self.images[id] = made
        return made


def image_parameter(container: str, main: str) -> str:
    """The parameter of a service's stack that is the image of a container that is built."""
    from emulator.ecs.names import logical_id

    return "ContainerImage" if container == main else f"ContainerImageFor{logical_id(container)}"
