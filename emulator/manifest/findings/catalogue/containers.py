"""Containers of a task: names, dependencies, health checks, variables, commands."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import VALIDATE, FindingKind


class EnvFileExtension(FindingKind):
    code = "CL122"
    title = "env_file without the extension .env"
    explanation = """
        ECS reads environment files from S3 and takes only names that end in `.env`. Copilot refuses others.
    """
    source = f"Copilot, `TaskConfig.validate` in {VALIDATE}; Amazon ECS, `EnvironmentFile`"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        env_file: web/settings.txt
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        env_file: web/settings.env
    """
    beside = (("web/settings.env", "LEVEL=debug\n"), ("web/settings.txt", "LEVEL=debug\n"))


class UnknownDependency(FindingKind):
    code = "CL125"
    title = "dependency on a container that is not there"
    explanation = """
        `depends_on`, or `logging.sidecars`, names a container that the task does not have. Copilot refuses the
        manifest. The log router (`firelens_log_router`) is there only where `logging` has a key besides `retention`.
    """
    source = f"Copilot, `validateContainerDeps` in {VALIDATE}"
    bad = """
        name: web
        type: Backend Service
        image:
          location: nginx
          depends_on: {proxy: start}
    """
    good = """
        name: web
        type: Backend Service
        image:
          location: nginx
          depends_on: {proxy: start}
        sidecars:
          proxy: {image: envoy}
    """


class Circle(FindingKind):
    code = "CL126"
    title = "dependencies form a circle"
    explanation = """
        Each container of the circle waits for the next one, so that none could be started. Copilot refuses the
        manifest.
    """
    source = f"Copilot, `validateNoCircularDependencies` in {VALIDATE}"
    bad = """
        name: web
        type: Backend Service
        image:
          location: nginx
          depends_on: {proxy: start}
        sidecars:
          proxy:
            image: envoy
            depends_on: {web: start}
    """
    good = """
        name: web
        type: Backend Service
        image:
          location: nginx
          depends_on: {proxy: start}
        sidecars:
          proxy:
            image: envoy
    """


class ImpossibleCondition(FindingKind):
    code = "CL127"
    title = "dependency condition that cannot be met"
    explanation = """
        `complete` and `success` wait for a container to exit, and an essential container that exits stops the task.
        `healthy` waits for a health check, and ECS refuses it for a container that has none; Copilot does not look at
        that.
    """
    source = f"Copilot, `validateContainerDeps` in {VALIDATE}; Amazon ECS, `ContainerDependency`"
    bad = """
        name: web
        type: Backend Service
        image:
          location: nginx
          depends_on: {migrate: success}
        sidecars:
          migrate: {image: migrate}
    """
    good = """
        name: web
        type: Backend Service
        image:
          location: nginx
          depends_on: {migrate: success}
        sidecars:
          migrate: {image: migrate, essential: false}
    """


class HealthCheckLimits(FindingKind):
    code = "CL151"
    title = "health check outside of the limits"
    explanation = """
        ECS and the load balancers take values within limits, and Copilot hands on whatever the manifest has: the stack
        fails while it is deployed. A container's command begins with `CMD` or `CMD-SHELL`.
    """
    source = "Amazon ECS, `HealthCheck`; Elastic Load Balancing, `CreateTargetGroup`"
    bad = """
        name: web
        type: Backend Service
        image:
          location: nginx
          healthcheck:
            command: [CMD-SHELL, curl -f http://localhost/]
            interval: 1s
    """
    good = """
        name: web
        type: Backend Service
        image:
          location: nginx
          healthcheck:
            command: [CMD-SHELL, curl -f http://localhost/]
            interval: 5s
    """


class VariableAndSecret(FindingKind):
    code = "CL152"
    title = "variable and secret of one name"
    explanation = """
        Both become environment variables of the container. ECS refuses a task definition in which a secret has the name
        of a variable: `The secret name must be unique`. Copilot does not compare them.
    """
    source = "Amazon ECS, `RegisterTaskDefinition`: names of secrets and environment variables are unique"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        variables: {TOKEN: none}
        secrets: {TOKEN: /shop/token}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        secrets: {TOKEN: /shop/token}
    """


class CopilotsVariable(FindingKind):
    code = "CL153"
    title = "variable that Copilot sets too"
    explanation = """
        Copilot gives containers variables of its own (`COPILOT_APPLICATION_NAME` and others, and one for each output of
        an addon). One of the same name in the manifest makes two of it, and ECS does not say which one wins; a secret
        of the name is refused.
    """
    source = "Copilot, internal/pkg/template/templates/workloads/partials/cf/envvars-container.yml"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        variables: {COPILOT_SERVICE_NAME: shop}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        variables: {SERVICE_NAME: shop}
    """


class ContainerName(FindingKind):
    code = "CL155"
    title = "container name that does not work"
    explanation = """
        ECS takes letters, digits, hyphens and underscores, and each name once. The main container has the service's
        name; the log router and the collector of traces have names of their own. Copilot does not look: the stack fails
        while it is deployed. Two names that differ in signs alone collide in CloudFormation, which has letters and
        digits only.
    """
    source = "Amazon ECS, `ContainerDefinition`: `name`"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        sidecars:
          my proxy: {image: envoy}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        sidecars:
          my-proxy: {image: envoy}
    """


class ChangedWord(FindingKind):
    code = "CL158"
    title = "command word that changes when Copilot renders it"
    explanation = """
        Copilot writes the words of `command` and `entrypoint` into its template without quotes. Some of them are then
        something else in YAML: a map, a list, nothing. CloudFormation refuses that, or the container gets another text.
        copilot-local keeps the word.
    """
    source = "Copilot, internal/pkg/template/templates/workloads/partials/cf/workload-container.yml"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        command: [serve, "--header", "X-Mode: test"]
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        command: [serve, "--header=X-Mode=test"]
    """
