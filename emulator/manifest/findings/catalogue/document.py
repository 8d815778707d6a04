"""The file as a whole: YAML, its type, its name, comments in it."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import FindingKind


class Unreadable(FindingKind):
    code = "CL100"
    title = "the file is not readable YAML"
    silenceable = False
    explanation = """
        The file is not there, not UTF-8 text, or not YAML. Copilot stops at the same place. YAML is read as Copilot's
        parser reads it: version 1.2 for keys and texts, with the booleans of 1.1 (`yes`, `on`) where a boolean is due.
    """
    source = "Copilot, `UnmarshalWorkload` in internal/pkg/manifest/workload.go, with gopkg.in/yaml.v3"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
    """


class DuplicateKey(FindingKind):
    code = "CL105"
    title = "key defined twice"
    silenceable = False
    explanation = """
        A map has the same key twice. Copilot refuses the file (`mapping key already defined`); other YAML parsers would
        silently take the last one.
    """
    source = "gopkg.in/yaml.v3, which Copilot parses manifests with"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        cpu: 256
        cpu: 512
        memory: 1024
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        cpu: 512
        memory: 1024
    """


class NameOfTheFolder(FindingKind):
    code = "CL113"
    title = "name differs from the folder's"
    explanation = """
        Copilot looks a workload up by the name of its folder in `copilot/`, and refuses a manifest of another name.
        copilot-local runs it: a warning, and an error with `--copilot`.
    """
    source = "Copilot, `name of the manifest and directory do not match` in internal/pkg/workspace"
    bad = """
        name: website
        type: Backend Service
        image: {location: nginx}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
    """


class SecondDocument(FindingKind):
    code = "CL114"
    title = "content that Copilot does not read"
    explanation = """
        After a line with `---` a second YAML document begins. Copilot decodes the first one and never looks at the
        rest, so nothing in it has an effect.
    """
    source = "Copilot, `yaml.Unmarshal` in internal/pkg/manifest/workload.go: the first document alone"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        ---
        count: 2
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        count: 2
    """


class UselessComment(FindingKind):
    code = "CL115"
    title = "ignore comment without effect"
    explanation = """
        A comment `# copilot-local: ignore` names no code, or one that does not exist: it silences nothing.
    """
    source = "copilot-local's own"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        logging:
          retention: 30  # copilot-local: ignore CL999
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        logging:
          retention: 31  # copilot-local: ignore CL156
    """


class NotOnEcs(FindingKind):
    code = "CL116"
    title = "workload type that does not run on ECS"
    silenceable = False
    explanation = """
        A Request-Driven Web Service runs on AWS App Runner, and a Static Site is files on S3 behind CloudFront. Neither
        has an ECS task that could run here.
    """
    source = "Copilot, internal/pkg/manifest/manifestinfo/type.go"
    bad = """
        name: web
        type: Request-Driven Web Service
        image: {location: nginx, port: 80}
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http: {path: /}
    """


class Extension(FindingKind):
    code = "CL117"
    title = "extension of copilot-local"
    explanation = """
        `logging.sidecars` sends the logs of sidecars through the log router too. Copilot does not know the key and
        ignores it: deployed by Copilot, only the main container's logs go there. What copilot-local renders has them. A
        warning, and an error with `--copilot`.
    """
    source = "copilot-local's own; Copilot has no such field in `Logging` of internal/pkg/manifest/workload_ecs.go"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        sidecars:
          proxy: {image: envoy}
        logging:
          destination: {Name: cloudwatch}
          sidecars: [proxy]
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        sidecars:
          proxy: {image: envoy}
        logging:
          destination: {Name: cloudwatch}
    """
