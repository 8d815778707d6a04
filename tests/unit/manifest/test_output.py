"""Findings as JSON and SARIF; the merged manifest and where its values come from; the JSON Schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from emulator.errors import Finding, InputError, Position, Severity
from emulator.manifest import load
from emulator.manifest.findings.codes import CODES
from emulator.manifest.findings.formats import as_json as findings_as_json
from emulator.manifest.findings.formats import as_sarif
from emulator.manifest.jsonschema import json_schema
from emulator.manifest.load.emit import as_json, as_yaml, explain, lines_with_origin
from tests.unit.manifest.conftest import BACKEND, JOB, WEB, WORKER

PROJECT = Path(__file__).parents[3]
FINDING = Finding("CL101", "no such key", Position("m.yml", 2, 3), "http.x", "did you mean y?", copilot_accepts=True)


# findings


def test_findings_as_json() -> None:
    assert json.loads(findings_as_json([FINDING, Finding("CL100", "x")])) == [
        {
            "code": "CL101", "severity": "error", "message": "no such key", "file": "m.yml", "line": 2, "column": 3,
            "path": "http.x", "hint": "did you mean y?", "copilot_accepts": True,
        },
        {
            "code": "CL100", "severity": "error", "message": "x", "file": None, "line": None, "column": None,
            "path": "", "hint": "", "copilot_accepts": False,
        },
    ]  # fmt: skip


def test_findings_as_sarif() -> None:
    warning = Finding("CL108", "old", Position("a\\m.yml", 1), severity=Severity.WARNING)
    log = json.loads(as_sarif([FINDING, warning, FINDING], version="1.2.3"))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["version"] == "1.2.3"
    rules = run["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["shortDescription"]["text"]) for rule in rules] == [
        ("CL101", "unknown key"), ("CL108", "older spelling of a key"),
    ]  # fmt: skip
    assert all(rule["fullDescription"]["text"] for rule in rules)
    first, second, _ = run["results"]
    assert (first["ruleIndex"], first["level"], second["level"]) == (0, "error", "warning")
    place = first["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "m.yml"}, "region": {"startLine": 2, "startColumn": 3}}
    assert second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a/m.yml"


def test_the_catalogue_has_every_code_that_can_be_printed_and_no_other() -> None:
    files = (PROJECT / "emulator").rglob("*.py")
    reporting = [path for path in files if path.name != "codes.py" and path.parent.name != "catalogue"]
    printed = {code for path in reporting for code in re.findall(r"\"(CL\d+)\"", path.read_text(encoding="utf-8"))}
    assert sorted(printed) == sorted(CODES)


def test_documents_name_no_code_that_is_not_in_the_catalogue() -> None:
    pages = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *(PROJECT / "docs").rglob("*.md")]
    named = {code for page in pages for code in re.findall(r"\bCL\d{3}\b", page.read_text(encoding="utf-8"))}
    assert named - set(CODES) == {"CL999"}  # the example of a code that is none


# the merged manifest

TRICKY = """
name: web
type: Backend Service
image: {build: {context: ., args: {A: 1.0, B: ''}}, port: 80}
command: "echo '# x' \\"y\\""
entrypoint: ["a: b", '- c', "", ' d ', "\\u00e9\\u2028\\x07\\ttab", '${KEPT}', "{}", 'null', ~, "multi\\nline\\n"]
variables:
  on: on
  "no": no
  'a b': yes
  "80": 0x1F
  empty:
  tilde: ~
  quoted: "~"
  json: |
    ["a", "b"]
  json2: |-
    ["a",
     "b"]
  escaped: '\\${NOT}'
  from: ${FOO}
  back: 'a\\b\\${NOT}'
  list: {from_cfn: x}
labels_: 1
sidecars:
  a: {image: x, essential: no, port: 81/udp, command: []}
taskdef_overrides:
  - {path: A, value: !Sub 'x${AWS::Region}'}
  - {path: B, value: [{a: !Ref B}, [1, [2]], {}, [], !!str 5, !!int "5", 1e3]}
  - {path: C, value: !If [x, {y: 1}, z]}
environments:
  test: {cpu: 512, memory: 1024, variables: {added: '1'}}
"""


def reloaded(loaded: Any, path: Path) -> Any:
    path.write_text(as_yaml(loaded), encoding="utf-8")
    return load(path, environment=None, variables={}, app="app", strict=False).manifest


def test_what_is_printed_loads_again_to_the_same(manifests: Any, tmp_path: Path) -> None:
    variables = {"FOO": "${BAR} [1]", "KEPT": "x"}
    loaded = manifests.load(TRICKY, "test", variables, strict=False)
    assert loaded.manifest.variables["from"].value == "${BAR} [1]"
    assert reloaded(loaded, tmp_path / "again.yml") == loaded.manifest


@pytest.mark.parametrize("environment", ["test", "staging", "prod", None])
def test_copilots_manifests_load_again_to_the_same(golden: Path, tmp_path: Path, environment: str | None) -> None:
    for path in sorted(golden.rglob("*manifest*.yml")):
        if path.name == "worker-manifest.yml" and environment != "test":
            continue  # only that environment has an image
        loaded = load(path, environment=environment, variables={"TAG": "x"}, app="a", strict=False)
        assert reloaded(loaded, tmp_path / "again.yml") == loaded.manifest
        assert "".join(f"{line.text}\n" for line in lines_with_origin(loaded)) == as_yaml(loaded)


def test_each_line_says_where_it_is_from(manifests: Any) -> None:
    loaded = manifests.load(TRICKY, "test", {"FOO": "x", "KEPT": "y"}, strict=False)
    lines = lines_with_origin(loaded)
    assert "".join(f"{line.text}\n" for line in lines) == as_yaml(loaded)
    source = TRICKY.split("\n")
    for line in lines:
        key = line.text.strip().partition(":")[0]
        assert not key.isalpha() or key in source[line.position.line - 1]
    [added] = [line for line in lines if "added" in line.text]
    assert added.environment == "test"
    [filled] = [line for line in lines if line.text.strip().startswith("from:")]
    assert filled.variables == ("FOO",)


def test_older_spellings_are_printed_as_todays(manifests: Any) -> None:
    text = manifests.text(
        http="{path: /, targetContainer: a}",
        sidecars="{a: {image: x, port: 81, credentialParameter: c}}", logging="{configFile: /x}",
    )  # fmt: skip
    printed = as_yaml(manifests.load(text))
    assert "target_container: a" in printed
    assert "credentialsParameter: c" in printed
    assert "configFilePath: /x" in printed


def test_the_merged_manifest_as_json_keeps_text_as_text(manifests: Any) -> None:
    loaded = manifests.load(
        manifests.text(
            variables="{A: 1.0, B: on, C: {from_cfn: 5}}", cpu="0x100", exec="on", command="x 1",
            sidecars="{a: {image: 5, port: 81}}", taskdef_overrides="[{path: A, value: [1.0, !Ref X]}]",
        )
    )  # fmt: skip
    shown = json.loads(as_json(loaded))
    assert shown["variables"] == {"A": "1.0", "B": "on", "C": {"from_cfn": "5"}}
    assert (shown["cpu"], shown["exec"], shown["command"]) == (256, True, "x 1")
    assert shown["sidecars"] == {"a": {"image": "5", "port": "81"}}
    assert shown["taskdef_overrides"][0]["value"] == [1.0, {"Ref": "X"}]


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("off", False), ("[a]", ["a"]), ("{a: yes}", {"a": True}), ("{a: {}}", {"a": {}})],
)
def test_the_sidecars_that_log_too_as_json(manifests: Any, text: str, value: object) -> None:
    logging = f"{{destination: {{Name: x}}, sidecars: {text}}}"
    loaded = manifests.load(manifests.text(sidecars="{a: {image: x}}", logging=logging))
    assert json.loads(as_json(loaded))["logging"]["sidecars"] == value


def test_where_a_value_comes_from(manifests: Any) -> None:
    text = manifests.text(image="{build: ./Dockerfile, port: 80}", variables="\n  A: '${FOO}-${BAR}'", http="{path: /}")
    text += "environments:\n  test:\n    cpu: 512\n    memory: 1024\n    http: {healthcheck: /up}\n"
    loaded = manifests.load(text, "test", {"FOO": "1", "BAR": "2"})
    file = manifests.path
    assert explain(loaded, "cpu") == f"cpu: 512\nfrom {file}:9:5, environment test"
    assert (
        explain(loaded, "http.healthcheck.path") == f"http.healthcheck.path: /up\nfrom {file}:11:12, environment test"
    )
    assert explain(loaded, "http.path") == f"http.path: /\nfrom {file}:4:8"
    assert explain(loaded, "image.build.dockerfile") == f"image.build.dockerfile: ./Dockerfile\nfrom {file}:3:9"
    assert explain(loaded, "variables.A") == f'variables.A: "1-2"\nfrom {file}:6:3, with variables BAR, FOO'
    assert explain(loaded, "count") == "count: not set; the default is 1"
    assert explain(loaded, "logging.image") == (
        "logging.image: not set; the default is public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"
    )
    assert explain(loaded, "variables.NONE") == "variables.NONE: not set"
    assert explain(loaded, "http.additional_rules[0].path") == "http.additional_rules[0].path: not set"
    assert explain(loaded, "http").splitlines()[:2] == ["http:", "  path: /"]


@pytest.mark.parametrize(
    ("key", "hint"), [("http.paht", "did you mean http.path?"), ("cpu.x y", "example"), ("zzz", "known keys")]
)
def test_explaining_a_key_that_cannot_be(manifests: Any, key: str, hint: str) -> None:
    loaded = manifests.load(manifests.text())
    with pytest.raises(InputError) as error:
        explain(loaded, key)
    assert hint in error.value.hint


# the JSON Schema


def test_the_schema_is_valid_and_describes_keys() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    http = schema["$defs"]["Http"]
    assert "forwarded" in http["properties"]["path"]["description"]
    assert http["properties"]["targetContainer"]["deprecated"] is True
    undescribed = [
        f"{name}.{key}" for name, block in schema["$defs"].items() for key, field in block["properties"].items()
        if not field.get("description") and key != "type"
    ]  # fmt: skip
    assert undescribed == []


def test_the_schema_takes_what_loads(golden: Path) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    for path in sorted(golden.rglob("*manifest*.yml")):
        document = yaml.load(path.read_text(), Loader=_Yaml12)
        assert [error.message for error in validator.iter_errors(document)] == [], path.name


class _Yaml12(yaml.SafeLoader):
    """PyYAML without YAML 1.1's `on` and `yes`."""


_Yaml12.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.mark.parametrize(
    ("kind", "blocks", "fits"),
    [
        (WEB, {}, True),
        (WEB, {"cpus": "1"}, False),
        (WEB, {"http": "false"}, True),
        (BACKEND, {"http": "false"}, False),
        (WEB, {"http": "{path: /, deregistration_delay: 50}"}, False),
        (WEB, {"http": "{path: /, deregistration_delay: 1h30m}"}, True),
        (WEB, {"http": "{path: /, alias: [{hosted_zone: z}]}"}, False),
        (WEB, {"command": "[a, 1, true]"}, True),
        (WEB, {"variables": "{A: 1.5, B: {from_cfn: x}, C: }"}, True),
        (WEB, {"variables": "{A: [x]}"}, False),
        (WEB, {"sidecars": "{a: {image: x, port: 81/udp}}"}, True),
        (WEB, {"logging": "{sidecars: [a]}"}, True),
        (WEB, {"environments": "{test: {cpu: 512}, prod: }"}, True),
        (WEB, {"environments": "{test: {cpus: 512}}"}, False),
        (WORKER, {"image": "{location: x, port: 80}"}, False),
        (JOB, {"retries": "3"}, True),
        (JOB, {"retries": "three"}, False),
    ],
)
def test_the_schema_against_small_manifests(manifests: Any, kind: str, blocks: dict[str, str], fits: bool) -> None:
    document = yaml.load(manifests.text(kind, **blocks), Loader=_Yaml12)
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(document) is fits
