"""`copilot-local aws svc exec` and the like: lines that the AWS command line takes, printed, or run when asked."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from emulator.cli.leave import delivery
from emulator.cli.leave.words import is_copilots
from tests.unit.cli.conftest import Run
from tests.unit.render.pipelines import FILES, write_workspace

OWN = {
    ("cloudformation", "deploy"),
    ("logs", "tail"),
    ("configure", "get"),
    ("s3", "cp"),
    ("ecr", "get-login-password"),
}
"""What the AWS command line has beside the services' own operations."""
GLOBAL = {"query", "output", "region"}
VERBS = [
    "app ls", "app show", "env ls", "env show -e prod", "env deploy -e prod", "svc ls", "svc show -n web -e prod",
    "svc status -n web -e prod", "svc logs -n web -e prod --follow --container web --task-id 0123abcd",
    "svc exec -n web -e prod --task-id 0123abcd", "svc deploy -n web -e prod", "svc deploy -n web -e prod --take-over",
    "job deploy -n report -e prod --take-over", "svc deploy -n web -e prod --force",
    "deploy -n api -e prod", "svc pause -n web -e prod", "svc resume -n web -e prod", "job ls", "job deploy -n report",
    "job run -n report -e prod", "job logs -n report -e prod", "task run -n api -e prod -c date", "secret init -n DB",
    "secret init -n DB -e prod --overwrite", "pipeline ls", "pipeline status -n release",
]  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    manifest = FILES["copilot/web/manifest.yml"] + "count: {range: 1-4, cpu_percentage: 70}\n"
    monkeypatch.chdir(write_workspace(tmp_path / "shop", {"copilot/web/manifest.yml": manifest}))
    return tmp_path / "shop"


def calls(text: str) -> list[list[str]]:
    """The words of each call of `aws` in lines of shell."""
    joined = re.sub(r'^echo "(.*)"$', r"\1", text.replace("\\\n", " "), flags=re.MULTILINE)
    found = re.findall(
        r"(?<!copilot-local )\baws ((?:[a-z0-9-]+) (?:[^\n;|)\"']|\"(?:\$\([^)]*\)|[^\"])*\"|'[^']*')*)", joined
    )
    return [[word for word in shlex.split(it) if word not in ("&&", ">")] for it in found]


def kebab(name: str) -> str:
    """An operation or a parameter of the API as the AWS command line spells it."""
    from botocore import xform_name

    return str(xform_name(name, "-"))


@pytest.mark.parametrize("verb", VERBS)
def test_the_aws_command_line_knows_every_word(verb: str, run: Run) -> None:
    from botocore.loaders import Loader

    ended = run("aws", *shlex.split(verb))
    assert (ended.code, ended.err) == (0, "")
    assert subprocess.run(["bash", "-n", "-c", ended.out], timeout=60).returncode == 0
    found = calls(ended.out)
    assert found
    loader = Loader()
    for service, operation, *rest in found:
        if (service, operation) in OWN or operation == "wait":
            continue
        model = loader.load_service_model(service, "service-2")
        operations = {kebab(name): it for name, it in model["operations"].items()}
        shape = operations[operation]["input"]["shape"]
        members = {kebab(name) for name in model["shapes"][shape]["members"]}
        given = {word[2:] for word in rest if word.startswith("--")}
        assert given <= members | GLOBAL, f"{service} {operation}"


def test_names_come_from_stacks_and_quoting_is_right(run: Run) -> None:
    ended = run("aws", "svc", "exec", "-n", "web", "-e", "prod", "-c", "sh -c 'echo $HOME'")
    cluster, service, task, command = ended.out.splitlines()
    assert "--stack-name shop-prod --logical-resource-id Cluster" in cluster
    assert "--stack-name shop-prod-web --logical-resource-id Service" in service
    assert '--service-name "$service"' in task
    assert shlex.split(command)[-1] == "sh -c 'echo $HOME'"


def test_a_service_with_addons_is_taken_over_with_what_it_has(run: Run, here: Path) -> None:
    given = ", ".join(f"{name}: {{Type: String}}" for name in ("App", "Env", "Name"))
    addon = f"Parameters: {{{given}}}\nResources:\n  T: {{Type: A::B::C}}\n"
    manifest = (
        FILES["copilot/web/manifest.yml"] + "env_file: web/x.env\nsidecars:\n  s: {image: {build: web/Dockerfile}}\n"
    )
    write_workspace(
        here, {"copilot/web/manifest.yml": manifest, "web/x.env": "A=1\n", "copilot/web/addons/t.yml": addon}
    )
    ended = run("aws", "svc", "deploy", "-n", "web", "-e", "prod", "--take-over")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    [create] = [it for it in lines if "create-change-set" in it]
    words = shlex.split(create.replace("$(", "").replace('"', ""))
    assert "--include-nested-stacks" in words
    for name in ("ContainerImage", "EnvFileARN", "AddonsTemplateURL"):
        assert f"ParameterKey={name},UsePreviousValue=true" in words, "what the stack has stays"
    assert r'"ParameterKey=ContainerImageFors,ParameterValue=\"${ContainerImageFors:?has no value}\""' in create
    assert r'"ParameterKey=RulePriority,ParameterValue=\"$RulePriority\""' in create, "the rule keeps its priority"
    assert any(it.startswith("rule=") and "--logical-resource-id HTTPListenerRule" in it for it in lines)
    assert "role/shop-prod-CFNExecutionRole" in create
    assert "--tags Key=copilot-application,Value=shop Key=copilot-environment,Value=prod" in create
    files = '"shop-prod-web.$name.json" ${AddonsStack:+"shop-prod-web.$name.AddonsStack.json"}'
    assert f"copilot-local leave check --phase takeover {files} --stack shop-prod-web" in lines
    assert not any(it.startswith("aws cloudformation execute") for it in lines), "a person looks at it first"
    told = [line.removeprefix('echo "').strip() for line in lines if line.startswith('echo "  ')]
    assert [" ".join(line.split()[:3]) for line in told] == [
        "aws cloudformation execute-change-set", "aws cloudformation wait", "copilot-local aws svc"
    ]  # fmt: skip
    assert run("aws", "svc", "deploy", "-n", "web", "-e", "prod", "--take-over", "--force").code == 2


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("create-change-set", "AlreadyExists"),
        ("describe-stack-resource", "shop-prod-web has no HTTPListenerRule: the domain"),
    ],
)
def test_the_lines_end_at_the_first_failure(
    fails: str, said: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No earlier change set is described and judged in place of one that could not be made; the shell lives on."""
    lines = run("aws", "svc", "deploy", "-n", "web", "-e", "prod", "--take-over").out
    program = (
        f'#!/bin/sh\necho "$@" >> {tmp_path}/words\ncase "$*" in *{fails}*) echo AlreadyExists >&2; exit 254; esac\n'
    )
    for name in ("aws", "copilot-local"):
        (tmp_path / name).write_text(program)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    ended = subprocess.run(["bash", "-c", f"{lines}echo alive $?"], capture_output=True, text=True, timeout=60)
    assert said in ended.stderr
    assert ended.stdout == f"alive {254 if fails == 'create-change-set' else 1}\n"
    words = (tmp_path / "words").read_text()
    assert "describe-change-set" not in words
    assert "leave check" not in words


def test_values_of_the_settings_are_read_whole_by_the_aws_command_line(run: Run, here: Path) -> None:
    from awscli.shorthand import ShorthandParser  # type: ignore[import-untyped]

    value = "1, 2 '$x' \"y\" \\ z"
    settings = f"[environments.prod]\nparameters = {{TaskCount = {json.dumps(value)}}}\n"
    write_workspace(here, {"copilot-local.toml": settings})
    ended = run("aws", "svc", "deploy", "-n", "api", "-e", "prod", "--take-over")
    [create] = [it for it in ended.out.splitlines() if "create-change-set" in it]
    words = shlex.split(create)
    found = [ShorthandParser().parse(it) for it in words if it.startswith("ParameterKey=")]
    assert {"ParameterKey": "TaskCount", "ParameterValue": value} in found
    assert {"ParameterKey": "ContainerImage", "UsePreviousValue": "true"} in found
    ended = run("aws", "job", "deploy", "-n", "report", "-e", "prod", "--take-over")
    [create] = [it for it in ended.out.splitlines() if "create-change-set" in it]
    [schedule] = [it for it in shlex.split(create) if it.startswith("ParameterKey=Schedule")]
    assert ShorthandParser().parse(schedule)["ParameterValue"].startswith("cron(0 0"), "what the manifest says"


def test_a_large_template_goes_by_a_bucket(run: Run, here: Path) -> None:
    variables = "".join(f"  NAME_{number}: {'x' * 1000}\n" for number in range(60))
    manifest = FILES["copilot/api/manifest.yml"] + f"variables:\n{variables}"
    write_workspace(here, {"copilot/api/manifest.yml": manifest})
    words = ("aws", "svc", "deploy", "-n", "api", "-e", "prod", "--take-over")
    assert "give --bucket NAME" in run(*words).err
    found = run(*words, "--bucket", "own").out
    assert (
        "aws s3 cp --only-show-errors infrastructure/api-prod.stack.yml s3://own/takeover/infrastructure/api-prod.stack.yml\n"
        in found
    )
    assert "--template-url https://own.s3.amazonaws.com/takeover/infrastructure/api-prod.stack.yml" in found


@pytest.mark.parametrize("settings", ["", '[app]\naccount = "111111111111"\n'])
@pytest.mark.parametrize("registry", ["dkr.ecr.eu-west-1.amazonaws.com", "dkr-ecr.eu-west-1.on.aws"])
@pytest.mark.parametrize(
    ("owner", "repository"), [("111111111111", "shop/web"), ("222222222222", "shop/web"), ("222222222222", "team/web")]
)
def test_an_image_of_an_account_that_the_role_may_not_read_ends_the_lines(
    settings: str, registry: str, owner: str, repository: str, run: Run, here: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The lines run as an account with the number 222222222222."""
    write_workspace(here, {"copilot-local.toml": settings})
    lines = run("aws", "svc", "deploy", "-n", "web", "-e", "prod", "--take-over").out
    address = f"{owner}.{registry}/{repository}:v1"
    (tmp_path / "copilot-local").write_text("#!/bin/sh\n")
    (tmp_path / "aws").write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/words\n'
        f'case "$*" in *caller*) echo 222222222222;; *ParameterKey==*) echo {address};; esac\n'
    )
    for name in ("aws", "copilot-local"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    ended = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, timeout=60)
    may = (owner == "111111111111") == bool(settings) and repository == "shop/web"
    assert ("create-change-set" in (tmp_path / "words").read_text()) is may
    assert (f'as account = "{owner}" in [app]' in ended.stderr) is not may


def test_the_account_of_the_application_has_the_images(run: Run, here: Path) -> None:
    """The role may pull from there, images are pushed there, and one that is given is not left to the stack."""
    write_workspace(here, {"copilot-local.toml": '[app]\naccount = "111111111111"\n'})
    names = ("-n", "web", "-e", "prod")
    assert 'registry="111111111111.dkr.ecr.$AWS_REGION.amazonaws.com"' in run("aws", "svc", "deploy", *names).out
    rendered = ("render", "cloudformation", "web", "-e", "prod", "--in-copilot-environment")
    assert ":ecr:${AWS::Region}:111111111111:repository/${ImageRepository}" in run(*rendered).out
    image = "333333333333.dkr.ecr.eu-west-1.amazonaws.com/team/web:v1"
    write_workspace(here, {"copilot-local.toml": f'[environments.prod.images]\nweb = "{image}"\n'})
    assert "ecr:eu-west-1:333333333333:repository/team/web'" in run(*rendered).out
    deployed = run("aws", "svc", "deploy", *names).out
    assert f'"ContainerImage={image}"' in deployed, "the stack would keep the one that it has"
    assert "docker" not in deployed
    lines = run("aws", "svc", "deploy", *names, "--take-over").out
    assert f"ParameterKey=ContainerImage,ParameterValue={image} " in lines
    assert "image=" not in lines


def test_an_image_is_deployed_again_without_a_build(run: Run, here: Path) -> None:
    """What a bad release is answered with, as often as it takes: nothing is written, and nothing built."""
    write_workspace(here, {"copilot-local.toml": '[environments.prod.images]\nweb = "shop/web:old"\n'})
    deploy = ("aws", "svc", "deploy", "-n", "web", "-e", "prod")
    image = "333333333333.dkr.ecr.eu-west-1.amazonaws.com/team/web:v1"
    lines = run(*deploy, "--image", f"web={image}").out
    assert f'"ContainerImage={image}"' in lines
    assert "docker" not in lines
    assert "shop/web:old" not in lines
    [render] = [line for line in lines.replace("\\\n", " ").splitlines() if "copilot-local render" in line]
    rendered = run(*shlex.split(render)[1:])
    assert rendered.code == 0, rendered.err
    template = (here / "infrastructure" / "web-prod.stack.yml").read_text()
    assert "ecr:eu-west-1:333333333333:repository/team/web'" in template, "the role may pull it"
    for words, message in (
        (["--image", f"wbe={image}"], "did you mean web?"),
        (["--image", image], "such as --image web=REPOSITORY:TAG"),
        (["--image", f"web={image}", "--take-over"], "--take-over keeps the image"),
        (["--image", f"web={image}", "--force"], "--force and --image do not go together"),
    ):
        ended = run(*deploy, *words)
        assert (ended.code, ended.out) == (2, "")
        assert message in ended.err


def test_an_environment_is_shown_without_the_applications_account(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = run("aws", "env", "show", "-e", "prod").out
    (tmp_path / "aws").write_text('#!/bin/sh\ncase "$*" in ssm*) exit 254; esac; echo "$2"\n')
    (tmp_path / "aws").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    ended = subprocess.run(["bash", "-euo", "pipefail", "-c", lines], capture_output=True, text=True, timeout=60)
    assert ended.stdout.splitlines() == ["get-template-summary", "describe-stacks", "list-exports"]
    assert "is in the one of the application" in ended.stderr


def test_options_may_stand_before_the_verb(run: Run) -> None:
    assert (
        run("aws", "-e", "prod", "svc", "logs", "-n", "api").out == "aws logs tail /copilot/shop-prod-api --since 1h\n"
    )


def test_outside_of_a_workspace_names_are_enough(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run("aws", "job", "logs", "-a", "other", "-e", "prod", "-n", "nightly")
    assert ended.out == "aws logs tail /copilot/other-prod-nightly --since 1h\n"


@pytest.mark.parametrize("verb", ["svc status", "svc show", "svc exec", "svc logs", "job run", "svc deploy --force"])
def test_no_manifest_is_needed_for_what_stacks_say(
    verb: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run("aws", *verb.split(), "-a", "other", "-e", "prod", "-n", "api")
    assert ended.code == 0, ended.err
    assert "other-prod-api" in ended.out


def test_rules_of_both_listeners_keep_their_own_priorities(run: Run, here: Path) -> None:
    write_workspace(here, {"copilot-local.toml": '[app]\ndomain = "example.com"\n'})
    lines = run("aws", "svc", "deploy", "-n", "web", "-e", "prod", "--take-over").out.splitlines()
    asked = [line for line in lines if line.startswith("rule=")]
    assert [re.findall(r"logical-resource-id (\w+)", line)[0] for line in asked] == [
        "HTTPListenerRuleWithDomain", "HTTPSListenerRule"
    ]  # fmt: skip
    [create] = [line for line in lines if "create-change-set" in line]
    for name in ("RulePriority", "RulePriorityOnHTTP"):
        assert rf'"ParameterKey={name},ParameterValue=\"${name}\""' in create
        assert sum(line.startswith(f"{name}=$(aws elbv2 describe-rules") for line in lines) == 1


def test_what_is_not_committed_is_no_image_of_the_commit(run: Run, here: Path) -> None:
    lines = run("aws", "svc", "deploy", "-n", "web", "-e", "prod").out.splitlines()
    line = next(line for line in lines if "git status" in line)
    git = 'git() { echo " M x"; }; tag=abc; '
    ended = subprocess.run(["bash", "-c", f"{git}{line}; echo $tag"], capture_output=True, text=True, timeout=60)
    assert re.fullmatch(r"abc-dirty-\d{14}\n", ended.stdout)
    clean = subprocess.run(
        ["bash", "-c", f"git() {{ :; }}; tag=abc; {line}; echo $tag"], capture_output=True, text=True
    )
    assert clean.stdout == "abc\n"
    assert "is no name of a bucket" in run("aws", "svc", "deploy", "-n", "web", "-e", "prod", "--bucket", "BBB").err


def test_a_secrets_value_stands_in_no_command_line(run: Run, tmp_path: Path) -> None:
    lines = run("aws", "secret", "init", "-n", "DB", "-e", "prod").out
    (tmp_path / "aws").write_text('#!/bin/sh\necho "$@" > "$OUT/words"\ncat > "$OUT/input"\n')
    (tmp_path / "aws").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "OUT": str(tmp_path)}
    subprocess.run(["bash", "-euo", "pipefail", "-c", lines], input="p$ w'd\n", text=True, env=environment, check=True)
    assert (tmp_path / "input").read_text() == "p$ w'd"
    words = (tmp_path / "words").read_text()
    assert "p$" not in words
    assert "Key=copilot-application,Value=shop Key=copilot-environment,Value=prod" in words


def test_scaling_is_suspended_while_a_service_is_paused(run: Run) -> None:
    assert "DynamicScalingOutSuspended=true" in run("aws", "svc", "pause", "-n", "web", "-e", "prod").out
    resumed = run("aws", "svc", "resume", "-n", "web", "-e", "prod").out
    assert "DynamicScalingOutSuspended=false" in resumed
    assert "--desired-count 1" in resumed
    assert "autoscaling" not in run("aws", "svc", "pause", "-n", "api", "-e", "prod").out


def double(folder: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """An `aws` that notes its words and ends with a code."""
    (folder / "aws").write_text(f'#!/bin/sh\necho "$@" >> {folder}/words\nexit {code}\n')
    (folder / "aws").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_run_runs_the_lines_and_ends_as_they_do(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    double(tmp_path, monkeypatch, 3)
    assert run("aws", "app", "ls", "--run", "--yes").code == 3
    words = (tmp_path / "words").read_text()
    assert words == "ssm get-parameters-by-path --path /copilot/applications/ --query Parameters[].Name --output text\n"


@pytest.mark.parametrize("answer", ["y\n", "n\n"])
def test_run_asks_first(answer: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    double(tmp_path, monkeypatch, 0)
    monkeypatch.setattr(delivery, "is_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda question, **options: answer == "y\n")
    assert run("aws", "app", "ls", "--run").code == (0 if answer == "y\n" else 1)
    assert (tmp_path / "words").exists() == (answer == "y\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("svc lgs", "did you mean `svc logs`?"),
        ("svcs exec", "did you mean `svc`?"),
        ("svc package -n web", "copilot-local render cloudformation"),
        ("env delete", "leave report"),
        ("pipeline deploy", "copilot-local render pipeline"),
        ("svc exec -n webb", "did you mean web?"),
        ("svc exec -n web -e prodd", "did you mean prod?"),
        ("svc logs -n web --since soon", "--since soon is no duration"),
        ("svc exec -n web --task-id 'a b'", "is no id of a task"),
        ("job run -n api -e prod", "api is a Backend Service"),
        ("svc status -n report -e prod", "report is a job"),
        ("task run -n api -e prod", "--command is missing"),
        ("secret init", "is no name of a secret"),
        ("secret init -n DB --value x", "No such option: --value"),
        ("app ls --yes", "--yes is for --run"),
        ("app ls --run", "there is no terminal"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(words: str, said: str, run: Run) -> None:
    ended = run("aws", *shlex.split(words))
    assert ended.code == 2
    assert said in ended.err


def test_without_the_program_it_says_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = run("aws", "app", "ls", "--run", "--yes")
    assert ended.code == 2
    assert "there is no `aws` on PATH" in ended.err
    assert os.environ["PATH"] == str(tmp_path)


@pytest.mark.parametrize("words", ["sqs list-queues", "deploy list-applications", "ecs list-tasks", "--version", ""])
def test_services_of_aws_stay_with_the_aws_command_line(words: str) -> None:
    assert not is_copilots(words.split())


@pytest.mark.parametrize("words", ["svc exec", "deploy -n web", "deploy", "secret init", "job run"])
def test_verbs_of_copilots_do_not(words: str) -> None:
    assert is_copilots(words.split())
