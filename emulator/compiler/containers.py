"""The containers of a task, in Copilot's order: main, log router, X-Ray collector, sidecars by name.

Source: Copilot's templates `workload-container.yml`, `sidecars.yml`, `logconfig.yml`, `image-overrides.yml`.
"""

from __future__ import annotations

from emulator.compiler.context import Context
from emulator.compiler.ports import Ports
from emulator.compiler.values import (
    addon_secrets,
    dependencies,
    environment_files,
    health_check,
    secrets,
    variables,
)
from emulator.compiler.variables import common_variables, mount_points_variable
from emulator.ecs.references import ImageReference, PseudoReference, Value
from emulator.ecs.service import Build
from emulator.ecs.task_definition import (
    ContainerDefinition,
    FirelensConfiguration,
    KeyValuePair,
    LogConfiguration,
    MountPoint,
    RepositoryCredentials,
)
from emulator.errors import InputError
from emulator.manifest.rules.files import paths_of
from emulator.manifest.schema.containers import Build as ManifestBuild
from emulator.manifest.schema.containers import Sidecar
from emulator.manifest.schema.logs import SidecarLogging
from emulator.manifest.schema.workload import Service
from emulator.model import make

LOG_ROUTER = "firelens_log_router"
LOG_ROUTER_IMAGE = "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"
COLLECTOR = "aws-otel-collector"
COLLECTOR_IMAGE = "public.ecr.aws/aws-observability/aws-otel-collector:v0.17.0"
STREAM_PREFIX = "copilot"
_CREDENTIALS_KEYS = ("credentialsParameter", "credentialParameter", "credentials_parameter")


class Containers:
    """Builds the containers of one task; `builds` has how the images are built that are built."""

    def __init__(self, context: Context, ports: Ports) -> None:
        self._context = context
        self._manifest = context.manifest
        self._ports = ports
        self._common = common_variables(context, ports)
        self.builds: dict[str, Build] = {}

    def all(self) -> list[ContainerDefinition]:
        """Every container, in order."""
        found = [self._main()]
        if self._manifest.logging.firelens:
            found.append(self._log_router())
        if isinstance(self._manifest, Service) and (self._manifest.observability.tracing or "").lower() == "awsxray":
            found.append(self._collector())
        return found + [self._sidecar(name, sidecar) for name, sidecar in sorted(self._manifest.sidecars.items())]

    def _main(self) -> ContainerDefinition:
        manifest = self._manifest
        volumes = dict(sorted(manifest.storage.volumes.items()))
        mounts = {name: volume.path for name, volume in volumes.items()}
        if manifest.image.labels:
            self._context.position("image.labels")
        return make(
            ContainerDefinition,
            name=manifest.name,
            image=self._image("image", manifest.name, manifest.image.build, manifest.image.location),
            repository_credentials=self._credentials(manifest.image.credentials, "image.credentials"),
            entry_point=manifest.entrypoint,
            command=manifest.command,
            port_mappings=self._ports.mappings(manifest.name),
            environment=[
                *self._common,
                *variables(self._context, "variables", manifest.variables),
                *mount_points_variable(mounts),
            ],
            environment_files=environment_files(self._context, "env_file", manifest.env_file),
            secrets=[*secrets(self._context, "secrets", manifest.secrets), *addon_secrets(self._context)],
            depends_on=dependencies(manifest.image.depends_on),
            docker_labels=manifest.image.labels,
            health_check=health_check(manifest.image.healthcheck),
            readonly_root_filesystem=manifest.storage.readonly_fs,
            mount_points=[
                make(MountPoint, source_volume=name, container_path=volume.path, read_only=volume.read_only)
                for name, volume in volumes.items()
            ],
            log_configuration=self._routed(manifest.name, None) if manifest.logging.firelens else self._awslogs(),
        )

    def _log_router(self) -> ContainerDefinition:
        logging = self._manifest.logging
        self._context.position("logging")
        self._context.position("logging.configFilePath")
        self._context.position("logging.image")
        options = {"enable-ecs-log-metadata": "false" if logging.enable_metadata is False else "true"}
        if logging.config_file_path is not None:
            options |= {"config-file-type": "file", "config-file-value": logging.config_file_path}
        return make(
            ContainerDefinition,
            name=LOG_ROUTER,
            image=logging.image or LOG_ROUTER_IMAGE,
            environment=[*self._common, *variables(self._context, "logging.variables", logging.variables)],
            environment_files=environment_files(self._context, "logging.env_file", logging.env_file),
            secrets=secrets(self._context, "logging.secrets", logging.secrets),
            firelens_configuration=make(FirelensConfiguration, type="fluentbit", options=options),
            log_configuration=self._awslogs(),
        )

    def _collector(self) -> ContainerDefinition:
        return make(
            ContainerDefinition,
            name=COLLECTOR,
            image=COLLECTOR_IMAGE,
            command=["--config=/etc/ecs/ecs-xray.yaml"],
            log_configuration=self._awslogs(),
        )

    def _sidecar(self, name: str, sidecar: Sidecar) -> ContainerDefinition:
        path = f"sidecars.{name}"
        self._context.position(path)
        if sidecar.labels:
            self._context.position(f"{path}.labels")
        mounts = {mount.source_volume: mount.path for mount in sidecar.mount_points}
        environment: list[KeyValuePair] = [
            *self._common,
            *variables(self._context, f"{path}.variables", sidecar.variables),
            *mount_points_variable(mounts),
        ]
        routed = self._routed_sidecar(name)
        return make(
            ContainerDefinition,
            name=name,
            image=self._image(f"{path}.image", name, sidecar.image.build, sidecar.image.location),
            repository_credentials=self._credentials(
                sidecar.credentials_parameter, *(f"{path}.{key}" for key in _CREDENTIALS_KEYS)
            ),
            essential=sidecar.essential is not False,
            entry_point=sidecar.entrypoint,
            command=sidecar.command,
            port_mappings=self._ports.mappings(name),
            environment=environment,
            environment_files=environment_files(self._context, f"{path}.env_file", sidecar.env_file),
            secrets=secrets(self._context, f"{path}.secrets", sidecar.secrets),
            depends_on=dependencies(sidecar.depends_on),
            docker_labels=sidecar.labels,
            health_check=health_check(sidecar.healthcheck),
            mount_points=[
                make(
                    MountPoint, source_volume=mount.source_volume, container_path=mount.path, read_only=mount.read_only
                )
                for mount in sidecar.mount_points
            ],
            log_configuration=self._routed(name, routed) if routed is not None else self._awslogs(),
        )

    def _image(self, path: str, container: str, build: ManifestBuild | None, location: str | None) -> Value:
        position = self._context.position(path)
        if build is not None:
            folder, dockerfile = paths_of(build)
            self.builds[container] = make(
                Build,
                context=folder,
                dockerfile=dockerfile,
                target=build.target,
                args=build.args,
                cache_from=build.cache_from,
                position=self._context.position(f"{path}.build"),
            )
            return make(ImageReference, name=container, position=position)
        if not location:
            raise InputError(
                f"{path}: container {container} has no image",
                position=position,
                hint="give `build` (a Dockerfile) or `location` (an existing image)",
            )
        return location

    def _credentials(self, secret: str | None, *paths: str) -> RepositoryCredentials | None:
        """The registry login that stands under the first of these keys; older manifests spell it otherwise."""
        if not secret:
            return None
        spelt = (path for path in paths if self._context.find_position(path) is not None)
        position = self._context.position(next(spelt, paths[0]))
        if position is not None:
            self._context.positions[paths[0]] = position
        return make(RepositoryCredentials, credentials_parameter=secret)

    def _awslogs(self) -> LogConfiguration:
        """The log driver of everything that does not log through the router."""
        return make(
            LogConfiguration,
            log_driver="awslogs",
            options={
                "awslogs-region": make(PseudoReference, name="AWS::Region"),
                "awslogs-group": self._context.log_group,
                "awslogs-stream-prefix": STREAM_PREFIX,
            },
        )

    def _routed_sidecar(self, name: str) -> SidecarLogging | None:
        """How a sidecar logs through the router, None if it does not: in Copilot none does."""
        extension = self._manifest.logging.sidecars
        if extension is None:
            return None
        return extension.named.get(name) or (SidecarLogging.model_construct() if extension.everyone else None)

    def _routed(self, name: str, own: SidecarLogging | None) -> LogConfiguration:
        """The log driver of a container that logs through the router: the main one's, or a sidecar's own options."""
        logging = self._manifest.logging
        destination = (own.destination if own else None) or logging.destination
        block = f"logging.sidecars.{name}" if own and own.destination else "logging"
        secret_options = (own.secret_options if own else None) or logging.secret_options
        for key in destination:
            self._context.position(f"{block}.destination.{key}")
        return make(
            LogConfiguration,
            log_driver="awsfirelens",
            options=dict(sorted(destination.items())),
            secret_options=secrets(self._context, "logging.secretOptions", secret_options),
        )
