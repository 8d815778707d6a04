"""Keys: unknown, misplaced, missing, older, without effect, and together with others."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import FindingKind


class UnknownKey(FindingKind):
    code = "CL101"
    title = "unknown key"
    explanation = """
        Copilot does not decode strictly: a key that it does not know is ignored without a word, and so is everything
        below it. A misspelt `healthcheck` means that the default health check is deployed.
    """
    source = "Copilot, `UnmarshalWorkload` in internal/pkg/manifest/workload.go: yaml.v3 without `KnownFields`"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          helthcheck: /up
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          healthcheck: /up
    """


class MisplacedKey(FindingKind):
    code = "CL102"
    title = "key in the wrong place"
    explanation = """
        The key exists, but elsewhere. Where it stands, Copilot ignores it like an unknown one. A frequent one is
        `depends_on` at the top: the dependencies of the main container are `image.depends_on`.
    """
    source = "Copilot, the structs of internal/pkg/manifest: each key belongs to one block"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        sidecars:
          proxy: {image: envoy}
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


class MissingKey(FindingKind):
    code = "CL106"
    title = "required key is missing"
    silenceable = False
    explanation = """
        The block cannot do without the key, and it has no default. Copilot refuses the manifest: `"path" must be
        specified`. An empty value counts as missing.
    """
    source = "Copilot, `errFieldMustBeSpecified` in internal/pkg/manifest/errors.go"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          healthcheck: /up
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          healthcheck: /up
    """


class OlderSpelling(FindingKind):
    code = "CL108"
    title = "older spelling of a key"
    explanation = """
        Earlier versions of Copilot, or of its documentation, spelt the key so. It is read here. Copilot itself only
        reads `http.targetContainer` of a Load Balanced Web Service still; it ignores the others, which is an error with
        `--copilot`.
    """
    source = "Copilot, `TargetContainerCamelCase` in internal/pkg/manifest/http.go"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          targetContainer: web
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          target_container: web
    """


class WithoutEffect(FindingKind):
    code = "CL109"
    title = "setting without the effect it seems to have"
    explanation = """
        Copilot reads the setting and does something else than it says, or nothing: `exec: {enable: false}` switches
        ECS Exec on, a job never has it, and the name of an environment that is none never applies. Nor does an
        environment's `fifo: false` undo a map of the base: Copilot keeps both, and looks at the map.
    """
    source = "Copilot, `convertExecuteCommand` in internal/pkg/deploy/cloudformation/stack/transformers.go, and others"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        exec:
          enable: false
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        exec: false
    """


class Exclusive(FindingKind):
    code = "CL120"
    title = "keys that exclude each other"
    explanation = """
        Two keys answer the same question in different ways. Copilot refuses them: `must specify one, not both`.
    """
    source = "Copilot, `errFieldMutualExclusive` in internal/pkg/manifest/errors.go"
    bad = """
        name: web
        type: Backend Service
        image:
          build: web/Dockerfile
          location: nginx
    """
    good = """
        name: web
        type: Backend Service
        image:
          build: web/Dockerfile
    """
    beside = (("web/Dockerfile", "FROM nginx\n"),)


class NeedsAnother(FindingKind):
    code = "CL121"
    title = "key that needs another one"
    explanation = """
        The key means something only beside another one, which is missing. Copilot refuses the manifest:
        `"range" must be specified if "cpu_percentage" is specified`. A metric with a cooldown and no value it accepts,
        and makes no policy of it.
    """
    source = "Copilot, `errFieldMustBeSpecified` with `conditionalFields` in internal/pkg/manifest/errors.go"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        count:
          cpu_percentage: 70
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        count:
          range: 1-10
          cpu_percentage: 70
    """
