"""Values: of the wrong type, changed by Copilot, not allowed, over a limit; files that they name."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import VALIDATE, FindingKind


class WrongType(FindingKind):
    code = "CL103"
    title = "value of the wrong type"
    silenceable = False
    explanation = """
        The key takes a value of another type. Copilot refuses the manifest: `cannot unmarshal !!str into uint16`. A
        number in quotes is a text, and so is what comes out of a variable: `${PORT}` is never a number.
    """
    source = "Copilot, the types of internal/pkg/manifest, decoded by gopkg.in/yaml.v3"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx, port: "80"}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
    """


class Changed(FindingKind):
    code = "CL104"
    title = "value that Copilot changes without a word"
    explanation = """
        In blocks that have a short form too (`http`, `count` and others), Copilot discards errors of type and goes on
        with what it has by then: the value becomes 0, false or empty. A `deregistration_delay: 50` has no unit and
        means 0 seconds. Fractions are cut; empty items of a list are dropped, and so is an alias that is text beside
        one that is a map.
    """
    source = (
        "Copilot, `HTTPOrBool.UnmarshalYAML` in internal/pkg/manifest/http.go and the like: a `yaml.TypeError` is lost"
    )
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          deregistration_delay: 50
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          deregistration_delay: 50s
    """


class NotAllowed(FindingKind):
    code = "CL107"
    title = "value that is not allowed"
    silenceable = False
    explanation = """
        The type is right and the value is not one that the key takes. Copilot refuses most of them; some it hands on,
        and AWS refuses them while the stack is deployed. Those are warnings in `up` and `render`, and can be silenced.
    """
    source = f"Copilot, {VALIDATE}; the limits of the AWS API that the value goes to"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        network:
          vpc:
            placement: privat
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        network:
          vpc:
            placement: private
    """


class NotAName(FindingKind):
    code = "CL136"
    title = "name with characters that are not allowed"
    explanation = """
        Names of topics and of the services that publish them become parts of ARNs, and names of variables and secrets
        become environment variables. Copilot checks those of topics; the others fail when ECS registers the task
        definition or starts the container. A workload's own name is a part of its stack's name.
    """
    source = (
        f"Copilot, `validatePubSubName` in {VALIDATE}; Amazon SNS, `CreateTopic`; AWS CloudFormation, `CreateStack`"
    )
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        publish:
          topics:
            - name: orders.fifo
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        publish:
          topics:
            - name: orders
              fifo: true
    """


class OverALimit(FindingKind):
    code = "CL154"
    title = "value over a limit of ECS"
    explanation = """
        A task definition has 10 containers and 64 KiB at most, and a task 5 security groups, with the environment's.
        Copilot does not count: ECS refuses them while the stack is deployed. Containers that Copilot adds (the log
        router, the collector of traces) count too. A value that grows without bound as variables are filled in has this
        code as well.
    """
    source = "Amazon ECS service quotas: containers and size of a task definition; security groups of a task"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        sidecars:
          a: &car {image: envoy}
          b: *car
          c: *car
          d: *car
          e: *car
          f: *car
          g: *car
          h: *car
          i: *car
          j: *car
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        sidecars:
          a: &car {image: envoy}
          b: *car
          c: *car
    """


class Placeholder(FindingKind):
    code = "CL157"
    title = "placeholder that was never filled in"
    explanation = """
        `<image_tag>` and the like are what documentation leaves for people to fill in. No registry has an image of this
        name: the task cannot be started.
    """
    source = "Docker, the grammar of image references: `<` is no part of it"
    bad = """
        name: web
        type: Backend Service
        image:
          location: nginx:<image_tag>
    """
    good = """
        name: web
        type: Backend Service
        image:
          location: nginx:1.27
    """


class ImageReference(FindingKind):
    code = "CL166"
    title = "text that is no image's name"
    explanation = """
        Docker, containerd and registries agree on what an image may be called: `[registry/]repository[:tag][@digest]`,
        the repository in lower case. Copilot and ECS pass on whatever there is, and the task fails with
        `CannotPullContainerError: invalid reference format`.
    """
    source = "distribution/reference, the grammar of image references"
    bad = """
        name: web
        type: Backend Service
        image:
          location: Nginx:1.27
    """
    good = """
        name: web
        type: Backend Service
        image:
          location: nginx:1.27
    """


class MissingFile(FindingKind):
    code = "CL162"
    title = "file that is not there"
    note = (
        "a Dockerfile, a build context, an `env_file` or a buildspec that a manifest of a workspace names; `validate` "
        "looks for them, `up` lists what services lack with everything that is missing"
    )
    explanation = """
        The manifest names a file or folder that does not exist. Paths are relative to the folder that holds `copilot/`,
        not to the manifest. Copilot fails when it builds the image or uploads the file, a pipeline when it runs.
    """
    source = "Copilot, `ImageLocationOrBuild.BuildConfig` in internal/pkg/manifest: paths begin at the workspace's root"
    bad = """
        name: web
        type: Backend Service
        image:
          build: Dockerfile
    """
    good = """
        name: web
        type: Backend Service
        image:
          build: web/Dockerfile
    """
    beside = (("web/Dockerfile", "FROM nginx\n"),)
