"""The help: whole descriptions in groups, examples that work, and words of other tools."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from typer.core import TyperGroup, TyperOption

from emulator.cli.shell.app import command_line
from emulator.cli.shell.foreign_options import ACCEPTED, ANYWHERE, ARGUMENTS, BEFORE_VERB, OPTIONS
from emulator.cli.shell.foreign_words import SECOND_WORDS, VERBS
from emulator.cli.shell.help_texts import EXAMPLES, SECTIONS
from emulator.cli.shell.verb import Verb
from tests.unit.cli.conftest import Run


def verbs() -> dict[str, Verb]:
    def visit(group: TyperGroup, before: str) -> Iterator[tuple[str, Verb]]:
        for name, command in group.commands.items():
            if isinstance(command, TyperGroup):
                yield from visit(command, f"{before}{name} ")
            elif isinstance(command, Verb):
                yield f"{before}{name}", command

    return dict(visit(command_line(), ""))


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_description_is_cut(run: Run, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    said = " ".join(run("--help").out.split())
    for command in command_line().commands.values():
        assert " ".join((command.help or "?").split()) in said
    assert "..." not in said.replace("[ARGS]...", "")


def test_every_verb_is_in_one_group() -> None:
    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(command_line().commands)


def test_the_help_says_where_there_is_more(run: Run) -> None:
    said = run("--help").out
    for title in SECTIONS:
        assert f"\n{title}:\n" in said
    assert "docs/" in said
    assert "`copilot-local reference`" in said


def test_every_verb_has_an_example() -> None:
    assert sorted(EXAMPLES) == sorted(verbs())


@pytest.mark.parametrize(("verb", "example"), [(verb, one) for verb, lines in EXAMPLES.items() for one in lines])
def test_an_example_parses(run: Run, verb: str, example: str) -> None:
    words = shlex.split(example)
    number = len(verb.split())
    assert " ".join(words[:number]) == verb
    verbs()[verb].command.make_context(verb, words[number:])
    assert f"  copilot-local {example}\n" in run(*verb.split(), "--help").out


@pytest.mark.parametrize("verb", verbs())
def test_descriptions_are_sentences_that_shells_can_show(verb: str) -> None:
    """Completion in zsh takes what stands in square brackets for something else."""
    for parameter in verbs()[verb].command.params:
        text = parameter.help or "" if isinstance(parameter, TyperOption) else ""
        assert not re.search(r"\[[a-z]", text), f"{parameter.name} of {verb}: {text}"
        assert not text or text[0].isupper()
        assert not text or text.endswith((".", ")"))


@pytest.mark.parametrize(
    "word", [*VERBS, *(f"{first} {word}" for first, table in SECOND_WORDS.items() for word in table)]
)
def test_a_verb_of_another_tool_is_refused_with_the_right_word(run: Run, word: str) -> None:
    ended = run(*word.split())
    assert ended.code == 2
    assert f"there is no `{word}` here" in ended.err
    for verb in re.findall(r"`copilot-local ([a-z][a-z-]*)", ended.err):
        assert verb in command_line().commands


@pytest.mark.parametrize(("verb", "option"), [(verb, option) for verb, table in OPTIONS.items() for option in table])
def test_an_option_of_another_tool_is_refused_with_the_right_word(run: Run, verb: str, option: str) -> None:
    for words in ([option], [f"{option}=always"], [option, "always"]):
        ended = run(verb, *words)
        assert ended.code == 2
        assert ended.err == f"error: {verb} has no option {option}\n\nhint: {OPTIONS[verb][option]}\n"


def test_no_option_of_ours_is_among_those() -> None:
    for verb, table in OPTIONS.items():
        mine = {option for parameter in verbs()[verb].command.params for option in parameter.opts}
        assert not mine & set(table)


@pytest.mark.parametrize("option", [*BEFORE_VERB, *ANYWHERE])
def test_an_option_before_the_verb_is_refused_with_the_right_word(run: Run, option: str) -> None:
    for words in ([option, "x", "ps"], [f"{option}=x", "ps"]):
        ended = run(*words)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(f"error: there is no option {option} before the verb\n\nhint: ")


@pytest.mark.parametrize("verb", ["up", "down", "ps", "stop", "restart", "run", "queues list"])
@pytest.mark.parametrize("option", ["-p", "--project-name", "-f", "--file", "--context"])
def test_an_option_of_compose_as_a_whole_is_refused_after_the_verb_too(run: Run, verb: str, option: str) -> None:
    ended = run(*verb.split(), option, "x")
    assert ended.code == 2
    assert ANYWHERE[option] in ended.err


def test_the_commands_that_hints_name_are_there() -> None:
    tables = [ANYWHERE, BEFORE_VERB, ARGUMENTS, *OPTIONS.values(), VERBS, *SECOND_WORDS.values()]
    for hint in (hint for table in tables for hint in table.values()):
        for line in re.findall(r"`copilot-local ([^`]*)`", hint):
            words = [word for word in shlex.split(line) if word.islower() or word.startswith("-")]
            verb = next((v for v in (" ".join(words[:2]), words[0]) if v in verbs()), None)
            if verb == "aws" or words[0].startswith("-") or (words[0] in command_line().commands and verb is None):
                continue  # Copilot's own verbs after `aws`, options without a verb, and groups of verbs
            assert verb is not None, hint
            mine = {option for parameter in verbs()[verb].command.params for option in parameter.opts}
            before = words[: words.index("--")] if "--" in words else words
            assert {word for word in before if word.startswith("-")} <= mine, hint


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("port web 80", "copilot-local port --all"),
        ("run nightly sh -c x", "copilot-local exec CONTAINER -- COMMAND"),
        ("stop", "copilot-local stop SERVICE"),
        ("exec", "copilot-local exec CONTAINER"),
        ("down web", "copilot-local stop SERVICE"),
        ("scale web 2", "write SERVICE=N, such as web=2"),
    ],
)
def test_arguments_as_another_tool_takes_them(run: Run, words: str, hint: str) -> None:
    ended = run(*words.split())
    assert ended.code == 2
    assert hint in ended.err


@pytest.mark.parametrize(("verb", "option"), [(verb, one) for verb, taken in ACCEPTED.items() for one in sorted(taken)])
def test_an_option_that_asks_for_what_is_done_anyway_is_taken(
    run: Run, workspace: object, verb: str, option: str
) -> None:
    words = [verb, "hello"] if verb == "run" else [verb]
    assert run(*words, option).err == run(*words).err


@pytest.mark.parametrize("words", ["ps -a", "ps -aq", "ps -qa", "ps -a -q", "ps -a hello", "ps hello", "ls -a"])
def test_ps_as_docker_compose_has_it(run: Run, workspace: object, words: str) -> None:
    assert run(*words.split()).code == 125  # there is no Docker; everything before that was understood


def test_what_comes_after_two_dashes_is_no_option(run: Run) -> None:
    assert "has no option" not in run("exec", "nginx", "--", "docker", "--privileged").err


def test_up_takes_build(run: Run, workspace: object) -> None:
    assert run("up", "--build").code == 125


@pytest.mark.parametrize("verb", [["up"], ["run", "nightly"]])
def test_a_variable_where_the_environment_stands(run: Run, verb: list[str]) -> None:
    ended = run(*verb, "-e", "LEVEL=debug")
    assert ended.code == 2
    assert "-e takes the name of an environment, not 'LEVEL=debug'" in ended.err
    assert "--var NAME=VALUE" in ended.err


@pytest.mark.parametrize(
    ("words", "meant"), [("logz", "logs"), ("render taskdf", "render taskdef"), ("validat", "validate")]
)
def test_a_misspelt_command(run: Run, words: str, meant: str) -> None:
    ended = run(*words.split())
    assert ended.code == 2
    assert f"there is no command {words!r}" in ended.err
    assert f"did you mean `{meant}`?" in ended.err


@pytest.mark.parametrize("option", ["TAG", "=x", "A-B=x"])
def test_a_variable_is_a_pair(run: Run, workspace: object, option: str) -> None:
    assert f"--var takes NAME=VALUE, not {option!r}" in run("up", "--var", option).err


def test_two_files_for_manifests_are_refused(run: Run, workspace: object) -> None:
    ended = run("up", "--env-file", "a.env", "--env-file", "b.env")
    assert ended.code == 2
    assert "--env-file names two files for manifests: a.env and b.env" in ended.err
