"""Which words of `exec` are ours, and which are the command's."""

from __future__ import annotations

import pytest

from emulator.cli.shell.verb import Verb
from emulator.errors import UsageError


def parsed(*words: str) -> dict[str, object]:
    context = Verb("exec", "run.exec:exec", "").command.make_context("exec", list(words))
    chosen = {name: context.params[name] for name in ("container", "command", "user", "env", "name")}
    return {name: value for name, value in chosen.items() if value}


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (("web", "ls", "-l", "/"), {"command": ["ls", "-l", "/"]}),
        (("web", "wget", "-qO-", "--user", "me", "u"), {"command": ["wget", "-qO-", "--user", "me", "u"]}),
        (("-n", "api", "web", "ls", "-u", "x"), {"command": ["ls", "-u", "x"], "name": "api"}),
        (("web", "-u", "root", "ls", "-l"), {"command": ["ls", "-l"], "user": "root"}),
        (("web", "-u", "root", "--", "nginx", "-t"), {"command": ["nginx", "-t"], "user": "root"}),
        (("web", "--", "-x"), {"command": ["-x"]}),
        (("web", "-e", "A=1", "git", "log", "--", "f"), {"command": ["git", "log", "--", "f"], "env": ["A=1"]}),
        (("web", "-u", "root"), {"user": "root"}),
        (("web",), {}),
    ],
)
def test_a_commands_options_are_its_own(words: tuple[str, ...], ours: dict[str, object]) -> None:
    """As for `docker compose exec`, with or without `--`."""
    assert parsed(*words) == {"container": "web", **ours}


def test_an_option_of_another_tool_is_refused_before_the_command_alone() -> None:
    with pytest.raises(UsageError, match="exec has no option --privileged"):
        parsed("--privileged", "web", "ls")
    assert parsed("web", "docker", "--privileged")["command"] == ["docker", "--privileged"]
