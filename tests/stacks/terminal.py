"""A shell in the workspace: bash, with `copilot-local` and an `aws` that knows the account in memory."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
import threading
from pathlib import Path

import botocore  # noqa: F401 - first: awscli puts its own, an older one, where none is imported yet
import pytest
from awscli.shorthand import ShorthandParser  # type: ignore[import-untyped]

from emulator.cli.shell import app
from tests.stacks.deployed import Stacks

_PROGRAM = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as to:
    to.connect({address!r})
    to.sendall(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]).encode())
    to.shutdown(socket.SHUT_WR)
    code, out, err = json.loads(b"".join(iter(lambda: to.recv(65536), b"")))
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""


class Terminal:
    """Runs what `copilot-local` prints and the guide has. Each program that bash starts asks this process, so that
    both answer from the account in memory."""

    def __init__(
        self, stacks: Stacks, capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.stacks = stacks
        self._capsys = capsys
        self._bucket: dict[str, str] = {}
        """What was copied to S3, by its address."""
        folder.mkdir()
        self._address = str(folder / "s")
        for name in ("aws", "copilot-local"):
            (folder / name).write_text(_PROGRAM.format(python=sys.executable, address=self._address))
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def run(self, script: str) -> str:
        """Runs lines of bash, which succeed; returns what they printed on standard output."""
        code, out, err = self.bash(script)
        assert code == 0, out + err
        return out.strip("\n")

    def run_next(self, said: str) -> None:
        """Runs the lines that lines printed as the next ones, one after the other."""
        [lines] = re.findall(r"one after the other:\n((?:  .*\n)+)The way back", said)
        for line in lines.splitlines():
            self.run(line if line.startswith("  aws ") else f"{line.removesuffix(' --run')} > verb.sh")

    def bash(self, script: str) -> tuple[int, str, str]:
        """The exit code and both outputs of lines of bash."""
        Path(self._address).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._address)
            listener.listen()
            shell = subprocess.Popen(
                ["bash", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            outputs: list[tuple[str, str]] = []

            def wait() -> None:
                outputs.append(shell.communicate())
                with socket.socket(socket.AF_UNIX) as end:
                    end.connect(self._address)

            waiting = threading.Thread(target=wait)
            waiting.start()
            while self._answered(listener):
                pass
            waiting.join()
        return shell.returncode, *outputs[0]

    def _answered(self, listener: socket.socket) -> bool:
        """Answers one program; False: bash has ended."""
        one, _ = listener.accept()
        with one:
            asked = b"".join(iter(lambda: one.recv(65536), b""))
            if not asked:
                return False
            program, *words = json.loads(asked)
            try:
                answer = self._copilot_local(words) if program == "copilot-local" else (0, self._aws(words), "")
            except (AssertionError, KeyError, OSError, ValueError) as error:
                answer = (255, "", f"{program} {shlex.join(words)}: {error!r}\n")
            one.sendall(json.dumps(answer).encode())
        return True

    def try_(self, *words: str) -> tuple[int, str]:
        """Runs `copilot-local`; returns its exit code, and what it printed on both streams."""
        code, out, err = self._copilot_local(words)
        return code, out + err

    def _copilot_local(self, words: tuple[str, ...] | list[str]) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = app.run(words)
        found = self._capsys.readouterr()
        return code, found.out, found.err

    def _aws(self, words: list[str]) -> str:
        service, operation, *rest = words
        options = _options(rest)
        stacks = self.stacks

        def one(name: str) -> str:
            [value] = options[name]
            return value

        match service, operation:
            case "s3", "cp":
                file, to = (word for word in rest if not word.startswith("--"))
                self._bucket[to.removeprefix("s3://")] = Path(file).read_text()
            case "sts", "get-caller-identity":
                return "123456789012"
            case "elbv2", "describe-rules":
                found = stacks.account.client("elbv2").describe_rules(RuleArns=[one("--rule-arns")])
                return str(found["Rules"][0]["Priority"])
            case "cloudformation", "get-template":
                return stacks.found[one("--stack-name")].text
            case "configure", "get":
                return "eu-west-1"
            case "cloudformation", "list-stack-instances":
                return "arn:of:the:application"
            case "cloudformation", "describe-stacks" if "ContainerImage" in options.get("--query", [""])[0]:
                return stacks.found[one("--stack-name")].parameters["ContainerImage"]
            case "cloudformation", "describe-stacks" if "--query" in options:
                return "artifacts" if "PipelineBucket" in one("--query") else one("--stack-name").rpartition("-")[0]
            case "cloudformation", "describe-stacks":
                return json.dumps({"Stacks": [stacks.described(one("--stack-name"))]})
            case "cloudformation", "describe-stack-resource":
                return stacks.physical(one("--stack-name"), one("--logical-resource-id"))
            case "cloudformation", "create-change-set":
                stack = one("--stack-name")
                values = _parameters(options.get("--parameters", []), stacks.found[stack].parameters)
                stacks.change_set(stack, one("--change-set-name"), self._template(options), values)
            case "cloudformation", "describe-change-set":
                return "" if "--query" in options else json.dumps(stacks.describe(one("--change-set-name")), indent=2)
            case "cloudformation", "execute-change-set":
                stacks.execute(one("--change-set-name"))
            case "cloudformation", "update-termination-protection":
                stacks.termination_protection.add(one("--stack-name"))
            case "cloudformation", "delete-stack":
                stacks.delete(one("--stack-name"))
            case "cloudformation", "wait":
                pass
            case _:
                raise AssertionError(f"what is aws {service} {operation}?")
        return ""

    def _template(self, options: dict[str, list[str]]) -> str:
        if "--template-url" in options:
            host, _, key = options["--template-url"][0].removeprefix("https://").partition("/")
            return self._bucket[f"{host.partition('.')[0]}/{key}"]
        return Path(options["--template-body"][0].removeprefix("file://")).read_text()


def _parameters(words: list[str], before: dict[str, str]) -> dict[str, str]:
    """In the shorthand of the AWS command line, or as JSON."""
    if words and words[0].startswith("["):
        return {it["ParameterKey"]: it["ParameterValue"] for it in json.loads(words[0])}
    pairs = [ShorthandParser().parse(word) for word in words]
    return {
        it["ParameterKey"]: it["ParameterValue"] if "ParameterValue" in it else before[it["ParameterKey"]]
        for it in pairs
    }


def _options(words: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word
            found[name] = []
        elif name:
            found[name].append(word)
    return found
