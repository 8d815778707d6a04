"""What a user's configuration file may look like, and that each of its outputs is found as Fluent Bit finds it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import InputError, Unsupported
from emulator.firelens.local import LocalRouterConfiguration, local_router_configuration
from emulator.firelens.output import OutputSection
from emulator.firelens.placed import output_names
from emulator.firelens.users_files import find_in, glob_expression

MakeTask = Callable[..., TaskDefinition]
Configure = Callable[..., LocalRouterConfiguration]
FILE = {"config-file-type": "file", "config-file-value": "/extra.conf"}
LEAK = "Name http\n    Match *\n    Host leak.example"


@pytest.fixture
def configure(make_task: MakeTask, fargate_task: TaskIdentity) -> Configure:
    """The configuration in use with these files of the router's image, the first of which is the user's."""

    def make(*texts: str, path: str = "/extra.conf", **files: str) -> LocalRouterConfiguration:
        known = {"/extra.conf": texts[0], **{f"/{name}.conf": text for name, text in files.items()}}
        options = {"config-file-type": "file", "config-file-value": path}
        return local_router_configuration(
            make_task(options={"Name": "null"}, firelens=options, router=files_of_router),
            fargate_task,
            service="hello",
            read=known.get,
            find=find_in(known),
            check=False,
        )

    files_of_router: dict[str, object] = {"environment": [{"name": "PLUGIN", "value": "http"}]}
    return make


def whole(configuration: LocalRouterConfiguration) -> str:
    return configuration.text + "".join(configuration.files.values())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"[OUTPUT] # audit\n    {LEAK}\n", id="comment after the header"),
        pytest.param(f"[OUTPUT]trailing\n    {LEAK}\n", id="text after the header"),
        pytest.param(f"[output]\n    {LEAK}\n", id="lower case"),
        pytest.param(f"[OUT]\n    {LEAK}\n", id="as many letters as later versions compare"),
        pytest.param(f"[OUTPUTS]\n    {LEAK}\n", id="plural of later versions"),
        pytest.param("[OUTPUT]\n  Name http\n  Match *\n  Host leak.example\n", id="two blanks"),
        pytest.param("[OUTPUT]\n\tName http\n\tMatch *\n\tHost leak.example\n", id="a tab"),
        pytest.param("[OUTPUT]\n Name \t http \n Match  *\t\n Host\t leak.example\n", id="tabs around values"),
        pytest.param("[OUTPUT]\nxName http\nxMatch *\nxHost leak.example\n", id="a letter as indentation"),
        pytest.param("[OUTPUT]\r\n    Name http\r\n    Match *\r\n    Host leak.example\r\n", id="CRLF"),
        pytest.param(f"[OUTPUT]\n    {LEAK}\n    Name null\n", id="the first name counts"),
        pytest.param("[OUTPUT]\n    name ${PLUGIN}\n    Match *\n    Host leak.example\n", id="variable of the router"),
        pytest.param("@SET X=http\n[OUTPUT]\n    Name ${X}\n    Match *\n    Host leak.example\n", id="@SET"),
        pytest.param("[OUTPUT]\n    Name ${WHO}\n    Match *\n    Host leak.example\n", id="unknown variable"),
        pytest.param(f"# a\x0b[INPUT]\n[OUTPUT]\n    {LEAK}", id="no line end, and a sign that is none"),
        pytest.param(f"[FILTER]\n    Name grep\n[OUTPUT]\n    # comment\n\n    {LEAK}\n", id="comments and blanks"),
        pytest.param("[OUTPUT]\n    Name http://leak.example:80/x\n    Match *\n", id="an address as name"),
    ],
)
def test_every_output_is_found(configure: Configure, text: str) -> None:
    configuration = configure(text)
    assert [output.policy for output in configuration.outputs] == ["capture"]
    assert "leak" not in whole(configuration)
    assert output_names(configuration.sections) == ["file", "null", "null"]


def test_a_null_that_a_variable_says_is_written_out(configure: Configure) -> None:
    configuration = configure("@SET X=null\n[OUTPUT]\n  Name ${X}\n  Match *\n")
    assert configuration.files["/copilot-local/config/extra.conf"] == "@SET X=null\n[OUTPUT]\n  Name null\n  Match *\n"


def test_a_variable_is_known_wherever_it_is_set(configure: Configure) -> None:
    text = "[OUTPUT]\n    Name ${X}\n    Match *\n@INCLUDE /later.conf\n"
    [output] = configure(text, later="@SET X=s3\n").outputs
    assert output.plugin == "s3"


@pytest.mark.parametrize("indent", ["  ", "\t", "      ", " \t", "x"])
def test_rewritten_outputs_keep_the_indentation_of_their_file(configure: Configure, indent: str) -> None:
    configuration = configure(f"[OUTPUT]\n{indent}Name http\n{indent}Match *\n\n[FILTER]\n{indent}Name grep\n")
    lines = configuration.files["/copilot-local/config/extra.conf"].splitlines()
    assert all(line.startswith(indent) for line in lines if line and not line.startswith("["))


def test_what_stands_between_and_after_the_keys_stays(configure: Configure) -> None:
    text = f"# top\n[SERVICE] # mine\n    Flush 1\n# between\n[OUTPUT]\n    {LEAK}\n@SET A=b\n    # end\n"
    configuration = configure(text)
    copy = configuration.files["/copilot-local/config/extra.conf"]
    assert copy.startswith("# top\n# between\n[OUTPUT]\n    Name file\n")
    assert copy.endswith("@SET A=b\n    # end\n")
    assert "    Flush 1\n" in configuration.text


def test_a_pattern_in_place_of_a_file_stands_for_all_that_it_matches(configure: Configure) -> None:
    output = f"[OUTPUT]\n    {LEAK}\n"
    configuration = configure(output, path="/*.conf", another=output)
    assert len(configuration.outputs) == 2
    assert (
        "\n@INCLUDE /copilot-local/config/another.conf\n@INCLUDE /copilot-local/config/extra.conf\n"
    ) in configuration.text
    assert "leak" not in whole(configuration)


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("/none/*.conf", "", "the log router's image has no file that /none/\\*.conf matches"),
        ("/*.conf", "@INCLUDE /x.conf\n", "/x.conf, which another file that it matches includes"),
    ],
)
def test_a_pattern_that_fluent_bit_cannot_read_is_refused(
    configure: Configure, path: str, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        configure(text, path=path, x="[FILTER]\n    Name grep\n")


def test_relative_includes_lead_where_fluent_bit_finds_them(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    output = f"[OUTPUT]\n    {LEAK}\n"
    known = {
        "/settings/extra.conf": "@include more.conf\n@INCLUDE out/*.conf\n",
        "/settings/more.conf": output,
        "/fluent-bit/etc/more.conf": "[OUTPUT]\n    Name never\n",
        "/fluent-bit/etc/out/b.conf": output,
        "/fluent-bit/etc/out/a.conf": output,
        "/fluent-bit/etc/out/.hidden.conf": "not read",
        "/fluent-bit/etc/out/deeper/c.conf": "not read",
    }
    options = {"config-file-type": "file", "config-file-value": "extra.conf"}
    configuration = local_router_configuration(
        make_task(options={"Name": "null"}, firelens=options),
        fargate_task,
        service="hello",
        read=known.get,
        find=find_in(known),
        working_directory="/settings",
        check=False,
    )
    assert len(configuration.outputs) == 3
    assert configuration.files["/copilot-local/config/settings/extra.conf"] == (
        "@INCLUDE /copilot-local/config/settings/more.conf\n"
        "@INCLUDE /copilot-local/config/fluent-bit/etc/out/a.conf\n"
        "@INCLUDE /copilot-local/config/fluent-bit/etc/out/b.conf\n"
    )
    assert "leak" not in whole(configuration)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/a/*.conf", "/a/x.conf", True),
        ("/a/*.conf", "/a/.x.conf", False),
        ("/a/*.conf", "/a/b/x.conf", False),
        ("/a/*/x", "/a/b/x", True),
        ("/a/[!b]*", "/a/bc", False),
        ("/a/?[xy]*", "/a/1x", True),
        ("/a//./*", "/a/x", True),
    ],
)
def test_a_pattern_matches_as_the_c_library_does(pattern: str, path: str, matches: bool) -> None:
    assert bool(glob_expression(pattern).fullmatch(path)) is matches


@pytest.mark.parametrize(
    ("text", "others", "message"),
    [
        ("[OUTPUT\n    Name http\n", {}, "/extra.conf:1 .*Bad header"),
        ("[FILTER]\n    Name grep\n  Match *\n", {}, "/extra.conf:3 .*Invalid indentation level"),
        ("[FILTER]\n  Name grep\n     Match *\n", {}, "/extra.conf:3 .*Invalid indentation level"),
        ("[FILTER]\n    Name\tgrep\n", {}, "/extra.conf:2 .*Each key must have a value"),
        ("[FILTER]\n    Name  \n", {}, "/extra.conf:2 .*empty value"),
        ("pipeline:\n  outputs:\n", {}, "/extra.conf:1 .*must have a value"),
        ("@SET\tX=y\n", {}, "/extra.conf:1 .*has no value"),
        ("[FILTER]\n    Name a\0b\n", {}, "/extra.conf:2 .*zero byte"),
        ("@INCLUDE /a.conf\n@INCLUDE /a.conf\n", {"a": "\n"}, "/extra.conf:2 .*a second time"),
        ("@INCLUDE /a.conf\n", {"a": "@INCLUDE /extra.conf\n"}, "/a.conf:1 .*a second time"),
        ("@INCLUDE /none/*.conf\n", {}, "/extra.conf:1 .*matches no file"),
        ("@INCLUDE /fluent-bit/etc/../etc/fluent-bit.conf\n", {}, "/extra.conf:1: .*FireLens puts the file"),
        ("@INCLUDE fluent-bit.conf\n", {}, "FireLens puts the file"),
        ("[OUTPUT]\n@INCLUDE /a.conf\n", {"a": "    Name http\n"}, "/a.conf:1 .*key of the .OUTPUT. section"),
    ],
)
def test_what_fluent_bit_refuses_is_refused_with_its_line(
    configure: Configure, text: str, others: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        configure(text, **others)


@pytest.mark.parametrize(
    ("text", "others", "message"),
    [
        ("[OUTPUT]\n    Name http\n@INCLUDE /a.conf\n    Match *\n", {"a": "\n"}, "/extra.conf:4 .*differ"),
        ("[FILTER]\n    Name x\n@INCLUDE /a.conf\n    Match *\n", {"a": "[OUTPUT]\n    Name http\n"}, ":4 .*differ"),
        ("[OUTPUT]\n    Name http\n    [processors] x\n", {}, "/extra.conf:3 .*in an output"),
        ("[CUSTOM]\n    Name calyptia\n", {}, "/extra.conf:1 .*sends what it likes"),
    ],
)
def test_what_versions_read_differently_is_refused(
    configure: Configure, text: str, others: dict[str, str], message: str
) -> None:
    with pytest.raises(Unsupported, match=message):
        configure(text, **others)


@pytest.mark.parametrize(
    "path",
    [
        "/fluent-bit/etc/fluent-bit.conf",
        "//fluent-bit/etc//fluent-bit.conf",
        "/fluent-bit/etc/./fluent-bit.conf",
        "/x/../fluent-bit/etc/fluent-bit.conf",
        "fluent-bit.conf",
        "./fluent-bit.conf",
    ],
)
def test_the_path_of_firelens_own_file_is_refused(configure: Configure, path: str) -> None:
    with pytest.raises(InputError, match="where FireLens puts the file that it generates"):
        configure("[FILTER]\n    Name grep\n", path=path)


def test_sections_know_their_file_and_lines(configure: Configure) -> None:
    text = (
        f"[FILTER]\n    Name multiline\n    Match *\n\n[INPUT]\n    Name dummy\n\n[OUTPUT]\n    Alias a\n    {LEAK}\n"
    )
    sections = configure(text).sections
    [own] = [one for one in sections if one.kind == "filter" and one.file]
    assert (own.plugin, own.file, own.line, own.keys) == ("multiline", "/extra.conf", 1, {"name": 2, "match": 3})
    [output] = [one for one in sections if one.kind == "output" and one.file]
    assert (output.plugin, output.stream, output.line, output.keys["host"]) == ("file", "output-1", 8, 12)
    assert output_names(sections) == ["file", "null", "null"]


def test_an_output_is_read_as_fluent_bit_does() -> None:
    section = OutputSection.parse(("[OUTPUT]", "  Match  a b ", "  name  x", "  # c", "  Name y", "  k  v w"))
    assert section == OutputSection("x", (("Match", "a b"),), (("k", "v w"),))
