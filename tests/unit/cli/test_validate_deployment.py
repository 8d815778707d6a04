"""`validate` reads overrides, patches and addons too; `render` refuses what ECS would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Run

Write = Callable[[str, str], Path]
MANIFEST = """\
name: hello
type: Load Balanced Web Service
image: {location: hello, port: 80}
http: {path: /}
"""
TASK_DEFINITION = "/Resources/TaskDefinition/Properties"


@pytest.fixture
def write(workspace: Path) -> Write:
    """Writes a file of the service `hello`, whose manifest has no finding."""
    folder = workspace / "copilot" / "hello"
    (folder / "manifest.yml").write_text(MANIFEST)

    def file(path: str, text: str) -> Path:
        found = folder / path
        found.parent.mkdir(parents=True, exist_ok=True)
        found.write_text(text)
        return found

    return file


def patches(*rows: tuple[str, str, str]) -> str:
    return "".join(f"- op: {op}\n  path: {path}\n  value: {value}\n" for op, path, value in rows)


ADDON = """\
Parameters: {App: {Type: String}, Env: {Type: String}, Name: {Type: String}, Group: {Type: String}}
Resources:
  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Ref Group}}
"""

CASES: dict[str, tuple[dict[str, str], str]] = {
    "an override that cannot apply": (
        {"manifest.yml": MANIFEST + "taskdef_overrides: [{path: 'ContainerDefinitions[4].User', value: x}]\n"},
        "error[CL138]: copilot/hello/manifest.yml:5:21: taskdef_overrides: ContainerDefinitions[4].User: cannot",
    ),
    "an override that ECS refuses": (
        {"manifest.yml": MANIFEST + "taskdef_overrides: [{path: 'ContainerDefinitions[0].Privileged', value: true}]\n"},
        "error[CL144]: copilot/hello/manifest.yml:5:21: taskdef_overrides[0]: container hello is privileged",
    ),
    "a patch with a wrong path": (
        {"overrides/cfn.patches.yml": patches(("replace", "/Resources/Servce/Properties/Role", "x"))},
        "error[CL143]: copilot/hello/overrides/cfn.patches.yml:1:3: /Resources/Servce/Properties/Role",
    ),
    "a patch in the middle of a list": (
        {"overrides/cfn.patches.yml": patches(("add", f"{TASK_DEFINITION}/ContainerDefinitions/-/User", "x"))},
        f"error[CL143]: copilot/hello/overrides/cfn.patches.yml:1:3: {TASK_DEFINITION}/ContainerDefinitions/-/User",
    ),
    "a patch that ECS refuses": (
        {"overrides/cfn.patches.yml": patches(("add", f"{TASK_DEFINITION}/ContainerDefinitions/0/Hostname", "x"))},
        "error[CL144]: copilot/hello/overrides/cfn.patches.yml:1:3: container hello uses hostname",
    ),
    "patches of another name": (
        {"overrides/cfn.patches.yaml": "[]\n"},
        "error[CL143]: copilot/hello/overrides/cfn.patches.yaml:1: copilot/hello/overrides holds no cfn.patches.yml",
    ),
    "an addon without a required parameter": (
        {"addons/a.yml": "Parameters:\n  App: {Type: String}\nResources: {}\n"},
        'error[CL142]: copilot/hello/addons/a.yml:1: required parameter "Env" is missing',
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_beside_the_manifest_is_found_at_its_line(name: str, run: Run, write: Write) -> None:
    files, message = CASES[name]
    for path, text in files.items():
        write(path, text)
    ended = run("validate")
    assert ended.code == 1, ended.out
    assert message in ended.out
    assert "1 error" in ended.out
    refused = run("render", "taskdef", "--placeholders")
    if "Servce" not in message:  # a template's patch, which a task definition does not have
        assert refused.code == 1
        assert "Traceback" not in refused.err


def test_patches_may_add_conditions_and_parameters(run: Run, write: Write) -> None:
    condition = ("add", "/Conditions/HasX", "!Equals [!Ref AWS::Region, eu-west-1]")
    parameter = ("add", "/Parameters/Bar", "{Type: String, Default: x}")
    other = ("add", "/Conditions/HasY", "!And [!Condition HasX, !Equals [!Ref Bar, x]]")
    queue = ("add", "/Resources/Queue", "{Type: AWS::SQS::Queue, Condition: HasY}")
    write("overrides/cfn.patches.yml", patches(condition, parameter, other, queue))
    ended = run("validate")
    assert (ended.code, "CL143" in ended.out) == (0, False), ended.out


OF_TEMPLATES: dict[str, tuple[dict[str, str], str]] = {
    "an addon's parameter that refers to nothing": (
        {"addons/table.yml": ADDON, "addons/addons.parameters.yml": "Parameters:\n  Group: !Ref Nope\n"},
        "error[CL142]: copilot/hello/addons/addons.parameters.yml:2:3: AddonsStack refers to Nope",
    ),
    "an addon's parameter in another form that refers to nothing": (
        {"addons/table.yml": ADDON, "addons/addons.parameters.yml": "Parameters:\n  Group: !Sub '${Nope.Arn}-x'\n"},
        "error[CL142]: copilot/hello/addons/addons.parameters.yml:2:3: AddonsStack refers to Nope.Arn",
    ),
    "a patch with a condition that is not there": (
        {"overrides/cfn.patches.yml": patches(("add", "/Resources/Q", "{Type: AWS::SQS::Queue, Condition: No}"))},
        "error[CL143]: copilot/hello/overrides/cfn.patches.yml:1:3: Q refers to the condition No, which the stack",
    ),
    "a patch that waits for what is not there": (
        {"overrides/cfn.patches.yml": patches(("add", "/Resources/Service/DependsOn", "Nothing"))},
        "error[CL143]: copilot/hello/overrides/cfn.patches.yml:1:3: Service depends on Nothing, which the stack",
    ),
    "a variable that needs the service": (
        {
            "overrides/cfn.patches.yml": patches(
                (
                    "add",
                    f"{TASK_DEFINITION}/ContainerDefinitions/0/Environment/-",
                    "{Name: A, Value: !GetAtt Service.Name}",
                )
            )
        },
        "error[CL143]: copilot/hello/overrides/cfn.patches.yml:1:3: "
        "resources need each other: TaskDefinition → Service → TaskDefinition",
    ),
    "addons that need the service, and give it a variable": (
        {
            "addons/table.yml": ADDON + "Outputs: {T: {Value: !Ref Table}}\n",
            "addons/addons.parameters.yml": "Parameters:\n  Group: !GetAtt Service.Name\n",
        },
        "error[CL142]: copilot/hello/addons/addons.parameters.yml:2:3: "
        "resources need each other: TaskDefinition → AddonsStack → Service → TaskDefinition",
    ),
    "addons that need each other": (
        {
            "addons/table.yml": ADDON.replace("Group: {Type: String}", "Group: {Type: String, Default: x}")
            + "  A: {Type: AWS::SNS::Topic, DependsOn: B}\n  B: {Type: AWS::SNS::Topic, DependsOn: A}\n"
        },
        "error[CL142]: copilot/hello/addons/table.yml:4:3: resources need each other: A → B → A",
    ),
    "an addon of the environments that is no YAML": (
        {"../environments/addons/a.yml": "Resources:\n  A: {Type: [\n"},
        "error[CL100]: copilot/environments/addons/a.yml:",
    ),
}


@pytest.mark.parametrize("name", OF_TEMPLATES)
def test_what_is_wrong_in_templates_is_found_at_its_line(name: str, run: Run, write: Write) -> None:
    files, message = OF_TEMPLATES[name]
    for path, text in files.items():
        write(path, text)
    ended = run("validate")
    assert ended.code == 1, ended.out
    assert message in ended.out
    assert "1 error" in ended.out


def test_what_is_right_beside_the_manifest_is_no_finding(run: Run, write: Write) -> None:
    text = MANIFEST + "taskdef_overrides: [{path: 'ContainerDefinitions[0].User', value: nginx}]\n"
    write("manifest.yml", text)
    write("overrides/cfn.patches.yml", patches(("add", f"{TASK_DEFINITION}/ContainerDefinitions/0/StopTimeout", "9")))
    assert run("validate").code == 0


def test_a_patch_of_copilots_own_resources_is_a_warning(run: Run, write: Write) -> None:
    write("overrides/cfn.patches.yml", patches(("replace", "/Resources/EnvControllerFunction/Properties/Timeout", "9")))
    ended = run("validate")
    assert ended.code == 0
    assert "warning[CL143]" in ended.out
    assert run("render", "cloudformation").code == 1


@pytest.mark.parametrize("value", ["{Type: AWS::SQS::Queue, Condition: HasAddons}", "!If [IsGovCloud, a, b]"])
def test_a_patch_with_a_condition_of_copilots_is_a_warning(value: str, run: Run, write: Write) -> None:
    path = "/Resources/Queue" if "SQS" in value else "/Resources/LogGroup/Properties/LogGroupClass"
    write("overrides/cfn.patches.yml", patches(("add", path, value)))
    ended = run("validate")
    assert ended.code == 0, ended.out
    assert f"warning[CL143]: copilot/hello/overrides/cfn.patches.yml:1:3: {path} names the condition" in ended.out
    assert run("render", "cloudformation").code == 1


def test_a_policy_of_a_patch_is_no_finding(run: Run, write: Write) -> None:
    """Addons are a stack within the rendered one too, and a policy of a rule matters to no load balancer."""
    given = "Parameters: {App: {Type: String}, Env: {Type: String}, Name: {Type: String}}\n"
    write("addons/a.yml", f"{given}Resources: {{Table: {{Type: 'AWS::SDB::Domain'}}}}\n")
    names = ("AddonsStack", "HTTPListenerRule", "TargetGroup")
    write("overrides/cfn.patches.yml", patches(*(("add", f"/Resources/{it}/DeletionPolicy", "Retain") for it in names)))
    ended = run("validate")
    assert ended.code == 0, ended.out
    assert "CL143" not in ended.out
    assert "CL716" not in ended.out


def test_a_patch_of_what_only_https_has_is_no_finding(run: Run, write: Write) -> None:
    write("overrides/cfn.patches.yml", patches(("replace", "/Resources/HTTPSListenerRule/Properties/Priority", "9")))
    assert run("validate").code == 0


def test_volumes_that_overrides_and_patches_add_are_known(run: Run, write: Write) -> None:
    mounts = "sidecars: {side: {image: side, mount_points: [{source_volume: data, path: /data}]}}\n"
    write("manifest.yml", MANIFEST + mounts)
    assert "CL135" in run("validate").out
    write("overrides/cfn.patches.yml", patches(("add", f"{TASK_DEFINITION}/Volumes", "[{Name: data}]")))
    assert run("validate").code == 0
    assert run("render", "taskdef", "--placeholders", "--strict").code == 0
    (write("overrides/cfn.patches.yml", "")).unlink()
    write("manifest.yml", MANIFEST + mounts + "taskdef_overrides: [{path: 'Volumes[-]', value: {Name: data}}]\n")
    assert run("validate").code == 0
    assert run("render", "compose", "--strict").code == 0


@pytest.mark.parametrize("form", ["taskdef", "cloudformation", "compose"])
def test_a_mount_point_without_a_volume_is_refused_as_by_up(form: str, run: Run, write: Write, workspace: Path) -> None:
    mounts = "sidecars: {side: {image: side, mount_points: [{source_volume: nowhere, path: /x}]}}\n"
    write("manifest.yml", MANIFEST + mounts)
    ended = run("render", form, "-o", "out")
    assert ended.code == 1
    assert "copilot/hello/manifest.yml:5" in ended.err
    assert "Invalid volume referenced: nowhere" in ended.err
    assert not (workspace / "out").exists()


def test_a_workspace_with_manifests_of_environments_only_is_validated(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "other" / "copilot" / "environments" / "test"
    folder.mkdir(parents=True)
    (folder / "manifest.yml").write_text("name: test\ntype: Environment\nnetwork: {vpc: {placement: private}}\n")
    monkeypatch.chdir(tmp_path / "other")
    for ended in (run("validate"), run("validate", str(tmp_path / "other"))):
        assert ended.code == 1
        assert "network.vpc.placement" in ended.out
        assert "1 error" in ended.out
    assert run("render", "taskdef").code == 1  # there is no service


ADDON = """\
Parameters: {App: {Type: String}, Env: {Type: String}, Name: {Type: String}}
Resources:
  DbSecret: {Type: AWS::SecretsManager::Secret}
  Topic: {Type: AWS::SNS::Topic}
Outputs:
  TArn: {Value: !GetAtt Topic.TopicArn}
  DbSecret: {Value: !Ref DbSecret}
"""
COLLISIONS = {
    "a secret and an output": ("secrets: {T_ARN: x}\n", "CL144", "manifest.yml:5:11: secrets.T_ARN: container hello"),
    "a variable and a secret": (
        "variables: {DB_SECRET: x}\n", "CL144", "manifest.yml:5:13: variables.DB_SECRET: container hello has",
    ),
    "two secrets": ("secrets: {DB_SECRET: x}\n", "CL144", "manifest.yml:5:11: secrets.DB_SECRET: container hello has"),
    "a sidecar's secret": (
        "sidecars: {s: {image: x, secrets: {T_ARN: x}}}\n", "CL144", "manifest.yml:5:36: sidecars.s.secrets.T_ARN: con",
    ),
    "two variables": ("variables: {T_ARN: x}\n", "CL153", "manifest.yml:5:13: variables.T_ARN: the addons' output"),
    "a sidecar's variable": (
        "sidecars: {s: {image: x, variables: {T_ARN: x}}}\n", "CL153", "manifest.yml:5:38: sidecars.s.variables.T_ARN",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COLLISIONS)
def test_names_that_addons_give_too_are_found_where_they_are_written(name: str, run: Run, write: Write) -> None:
    block, code, place = COLLISIONS[name]
    write("manifest.yml", MANIFEST + block)
    write("addons/a.yml", ADDON)
    ended = run("validate")
    assert (ended.code, f"error[{code}]: copilot/hello/{place}" in ended.out) == (1, True), ended.out
    assert ended.out.count("error[") == 1, ended.out
    rendered = run("render", "cloudformation")
    if code == "CL144":
        assert f"copilot/hello/{place}" in rendered.err
    else:
        assert run("validate", "--lenient").code == 0


def test_outputs_that_become_one_variable_are_found(run: Run, write: Write) -> None:
    write("addons/a.yml", ADDON + "  tArn: {Value: !GetAtt Topic.TopicArn}\n")
    found = "error[CL153]: copilot/hello/addons/a.yml:8:3: the outputs TArn and tArn both become the variable T_ARN"
    assert found in run("validate").out


def test_addons_that_fit_are_no_finding(run: Run, write: Write) -> None:
    write("manifest.yml", MANIFEST + "variables: {A: x}\nsecrets: {B: x}\n")
    write("addons/a.yml", ADDON + "  Url: {Value: !Sub 'x-${AWS::Region}-${Name}-${Topic.TopicArn}-${!No}'}\n")
    assert run("validate").code == 0


@pytest.mark.parametrize(
    "value", ["!GetAtt Missing.Arn", "!Ref Missing", "!Sub 'a-${Missing}'", "!Sub ['${a}', {a: !Ref Missing}]"]
)
@pytest.mark.parametrize("options", [(), ("--in-copilot-environment",)], ids=["alone", "in Copilot's environment"])
def test_an_addon_that_refers_to_nothing_is_found_and_refused(
    value: str, options: tuple[str, ...], run: Run, write: Write
) -> None:
    text = ADDON.replace(
        "Topic: {Type: AWS::SNS::Topic}", f"Topic: {{Type: AWS::SNS::Topic, Properties: {{A: {value}}}}}"
    )
    write("addons/a.yml", text.replace("Outputs", f"  More: {{Type: T, Properties: {{B: {value}}}}}\nOutputs"))
    name = "Missing.Arn" if "Arn" in value else "Missing"
    said = f"copilot/hello/addons/a.yml:4:3: Topic refers to {name}, which the addon templates do not have"
    assert f"error[CL142]: {said}" in run("validate").out
    ended = run("render", "cloudformation", *options)
    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err
