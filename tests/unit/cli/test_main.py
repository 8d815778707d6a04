from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator import __version__
from emulator.app import selection
from emulator.errors import ImageError, Unsupported

VERBS = ["up", "down", "ps", "logs", "validate", "config", "schema", "doctor", "render taskdef", "firelens config"]


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(selection, "find_workspace", fail)


def test_version(run: Callable[..., Any]) -> None:
    ended = run("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"copilot-local {__version__}\n", "")


def test_no_verb_shows_the_help(run: Callable[..., Any]) -> None:
    for arguments in ([], ["--help"], ["-h"]):
        ended = run(*arguments)
        assert ended.code == 0
        for verb in VERBS:
            assert re.search(rf"^  {verb.split()[0]} ", ended.out, re.MULTILINE)
    assert "taskdef" in run("render").out
    assert "config" in run("firelens").out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_app_environment_and_name(run: Callable[..., Any], verb: str) -> None:
    ended = run(*verb.split(), "--help")
    assert ended.code == 0
    for option in ("-a, --app", "-e, --env", "-n, --name"):
        assert option in " ".join(ended.out.split()).replace("--app, -a", "-a, --app").replace(
            "--env, -e", "-e, --env"
        ).replace("--name, -n", "-n, --name")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("render --frobnicate", "No such option: --frobnicate"),
        ("up --detatch", "No such option: --detatch"),
        ("up --port many", "Invalid value for '--port'"),
        ("up --port 0", "Invalid value for '--port'"),
        ("up --timing slow", "Invalid value for '--timing'"),
        ("ps --format xml", "Invalid value for '--format'"),
        ("logs --tail -1", "Invalid value for '--tail'"),
        ("down -t soon", "Invalid value for '--timeout'"),
    ],
)
def test_a_command_line_that_does_not_parse_is_a_usage_error(run: Callable[..., Any], line: str, message: str) -> None:
    ended = run(*line.split())
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert message in ended.err.replace(" / '-t'", "")
    assert re.search(r"\n\nhint: `copilot-local( \w+)? --help` shows what it takes\n\Z", ended.err)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("up --wait", "--wait needs -d"),
        ("up --image nginx", "--image takes NAME=VALUE, not 'nginx'"),
        ("up --image =x", "--image takes NAME=VALUE"),
        ("validate --strict --lenient", "--lenient cannot be combined with --strict"),
        ("validate copilot -n hello", "-n cannot be combined with paths"),
        ("render taskdef --value X", "--value takes NAME=VALUE, not 'X'"),
        ("render taskdef -a Shop!", "'Shop!' cannot be the name of an application"),
        ("up -e Test", "'Test' cannot be the name of an environment"),
        ("up hallo", "there is no service hallo in"),
        ("up -n hallo", "there is no service hallo in"),
        ("up hello copilot/hello/manifest.yml", "a manifest's path cannot be combined"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    run: Callable[..., Any], workspace: Path, line: str, message: str
) -> None:
    ended = run(*line.split())
    assert ended.code == 2
    assert ended.out == ""
    assert f"error: {message}" in ended.err


@pytest.mark.parametrize("verb", ["up", "down", "ps", "logs", "validate", "render taskdef", "firelens config"])
def test_no_manifest_says_where_it_looked_and_what_to_do(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run(*verb.split())
    assert ended.code == 1
    assert ended.out == ""
    assert ended.err == (
        f"error: no Copilot manifest: looked for copilot/<service>/manifest.yml in {tmp_path} and every folder above\n"
        "\n"
        "hint: run this inside a folder that holds `copilot/`, or give the path of a manifest\n"
    )


def test_an_error_shows_what_its_tool_said_and_the_hint(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, ImageError("the build failed", output=["Step 2/3 : RUN false"], hint="mend it"))
    ended = run("up")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "error: the build failed\n  Step 2/3 : RUN false\n\nhint: mend it\n"


def test_an_interrupt_ends_with_130_and_no_traceback(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    ended = run("up")
    assert (ended.code, ended.out, ended.err.strip()) == (130, "", "")


def test_a_bug_of_ours_goes_to_a_file(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fail_with(monkeypatch, ZeroDivisionError("by zero"))
    ended = run("up", "-d")
    assert ended.code == 3
    assert ended.err.startswith("error: copilot-local has a bug: ZeroDivisionError: by zero\n")
    assert "Traceback" not in ended.err
    file = re.search(r"the file (\S+),", ended.err)
    assert file is not None
    report = Path(file[1])
    assert report.parent == tmp_path
    content = report.read_text()
    assert "Traceback (most recent call last)" in content
    assert "$ copilot-local up -d" in content
    assert __version__ in content


def test_debugging_shows_tracebacks(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_LOCAL_DEBUG", "1")
    fail_with(monkeypatch, ZeroDivisionError("by zero"))
    assert "Traceback (most recent call last)" in run("up").err
    fail_with(monkeypatch, Unsupported("no"))
    ended = run("up")
    assert ended.code == 1
    assert "Traceback (most recent call last)" in ended.err
    assert ended.err.endswith("error: no\n")


def test_a_reader_that_goes_away_is_no_error(workspace: Path) -> None:
    command = [sys.executable, "-c", "import sys; from emulator.cli.main import main; sys.exit(main())", "--help"]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    finally:
        os.close(writing)
    assert ended.returncode == 1
    assert ended.stderr == b""


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_needs_no_verb_imports_none_and_nothing_heavy(option: str) -> None:
    heavy = "docker pydantic requests yaml rich socket emulator.settings emulator.manifest emulator.compiler "
    heavy += "emulator.runtime emulator.engine emulator.app.load emulator.cli.run.up emulator.cli.manifest.validate"
    code = (
        f"import sys; from emulator.cli.shell.app import run; run(['{option}']);"
        f"print(sorted(set(sys.modules) & set('{heavy}'.split())))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_validate_imports_what_one_workload_type_needs(workspace: Path) -> None:
    heavy = "docker requests rich emulator.settings emulator.compiler emulator.runtime emulator.engine "
    heavy += "emulator.manifest.schema.scheduled_job emulator.manifest.schema.subscribe emulator.cli.run.up"
    code = (
        "import sys; from emulator.cli.shell.app import run; run(['validate']);"
        f"print(sorted(set(sys.modules) & set('{heavy}'.split())))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "copilot/hello/manifest.yml" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("va", ["validate"]),
        ("render clo", ["cloudformation"]),
        ("validate --form", ["--format"]),
        ("render taskdef --env", ["--env", "--env-file"]),
    ],
)
def test_the_shell_completes_verbs_and_options(typed: str, completed: list[str]) -> None:
    command = [sys.executable, "-c", "import sys; from emulator.cli.main import main; sys.exit(main())"]
    words = f"copilot-local {typed}"
    asked = {
        "_COPILOT_LOCAL_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    ended = subprocess.run(
        command, env={**os.environ, **asked}, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stdout.split() == completed
