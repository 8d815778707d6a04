"""`overrides/cfn.patches.yml` where it changes the task definition: what runs has the change, or it is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.compiler import Surroundings
from emulator.compiler.addons import SourceText
from emulator.compiler.patches import added_volumes, read_patches
from emulator.ecs.service import Service
from emulator.ecs.task_definition import TaskDefinition, Ulimit
from emulator.errors import InputError

Compile = Callable[..., Service]
WEB = """
name: web
type: Load Balanced Web Service
image: {location: web, port: 80}
http: {path: /, target_container: front}
sidecars:
  front: {image: front, port: 8080}
"""
CONTAINERS = "/Resources/TaskDefinition/Properties/ContainerDefinitions"


@pytest.fixture
def patched(compile: Compile) -> Callable[[str], TaskDefinition]:
    def run(text: str) -> TaskDefinition:
        patches = read_patches(SourceText("cfn.patches.yml", text))
        return compile(WEB, surroundings=Surroundings(patches=patches)).task_definition

    return run


Patched = Callable[[str], TaskDefinition]


def patch(op: str, path: str, value: str = "") -> str:
    return f"- op: {op}\n  path: {path}\n" + (f"  value: {value}\n" if value else "")


def test_patches_build_one_object_before_it_is_checked(patched: Patched) -> None:
    definition = patched(
        patch("add", f"{CONTAINERS}/1/Ulimits", "[{Name: nofile}]")
        + patch("add", f"{CONTAINERS}/1/Ulimits/0/SoftLimit", "1")
        + patch("add", f"{CONTAINERS}/1/Ulimits/0/HardLimit", "2")
    )
    assert definition.container("front").ulimits == [Ulimit(name="nofile", soft_limit=1, hard_limit=2)]


def test_items_are_inserted_appended_replaced_and_removed(patched: Patched) -> None:
    path = f"{CONTAINERS}/0/Environment"
    definition = patched(
        patch("add", f"{path}/0", "{Name: FIRST, Value: 1}")
        + patch("add", f"{path}/-", "{Name: LAST, Value: 2}")
        + patch("remove", f"{path}/1")
        + patch("replace", f"{path}/0/Value", "changed")
    )
    names = [pair.name for pair in definition.container("web").environment]
    assert (names[0], names[-1]) == ("FIRST", "LAST")
    assert "COPILOT_APPLICATION_NAME" not in names
    assert definition.container("web").environment[0].value == "changed"


def test_escaped_keys_are_unescaped(patched: Patched) -> None:
    definition = patched(patch("add", f"{CONTAINERS}/0/DockerLabels", "{}") + patch(
        "add", f"{CONTAINERS}/0/DockerLabels/a~1b~0c", "x"))  # fmt: skip
    assert definition.container("web").docker_labels == {"a/b~c": "x"}


def test_volumes_that_patches_add_are_known() -> None:
    text = (
        patch("add", "/Resources/TaskDefinition/Properties/Volumes", "[{Name: a}]")
        + patch("add", "/Resources/TaskDefinition/Properties/Volumes/-", "{Name: b}")
        + patch("replace", "/Resources/TaskDefinition/Properties/Volumes/0/Name", "c")
        + patch("remove", "/Resources/TaskDefinition/Properties/Volumes/1")
        + patch("add", f"{CONTAINERS}/0/Name", "no-volume")
    )
    assert added_volumes(read_patches(SourceText("p.yml", text))) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (patch("add", f"{CONTAINERS}/-/User", "x"), "- names no item"),
        (patch("replace", f"{CONTAINERS}/-", "{}"), "- names no item"),
        (patch("remove", f"{CONTAINERS}/-"), "- names no item"),
        (patch("replace", f"{CONTAINERS}/²/User", "x"), "is no index"),
        (patch("replace", f"{CONTAINERS}/front/User", "x"), "'front' is no index"),
        (patch("replace", f"{CONTAINERS}/7", "{}"), "there is no index '7'"),
        (patch("add", f"{CONTAINERS}/3", "{Name: x, Image: x}"), "there is no index '3'"),
        (patch("replace", f"{CONTAINERS}/0/User", "x"), "has no key 'User'"),
        (patch("remove", f"{CONTAINERS}/0/Essential"), "has no key 'Essential'"),
        (patch("add", f"{CONTAINERS}/0/Image/tag", "x"), "is no map or list"),
        (patch("add", f"{CONTAINERS}/0/Colour", "x"), "there is no such key"),
        (patch("replace", f"{CONTAINERS}/0/Name", "other"), "there is no container web any more"),
        (patch("replace", f"{CONTAINERS}/1/Name", "other"), "container front, which is not there"),
        (patch("replace", CONTAINERS, "[]"), "no container is left"),
        (patch("remove", CONTAINERS), "is missing"),
        (patch("remove", f"{CONTAINERS}/1"), "container front, which is not there"),
        (patch("remove", f"{CONTAINERS}/1/PortMappings"), "port 8080"),
        (patch("replace", f"{CONTAINERS}/0/Image", "null"), "null"),
        (patch("replace", "/Resources/TaskDefinition/Properties", "{}"), "as a whole"),
        (patch("remove", "/Resources/TaskDefinition"), "as a whole"),
        (patch("copy", f"{CONTAINERS}/0/Image") + "  from: /x\n", "unsupported operation 'copy'"),
        (patch("test", f"{CONTAINERS}/0/Image", "web"), "unsupported operation 'test'"),
        (patch("add", f"{CONTAINERS}/0/User"), "`value` required"),
        (patch("add", "Resources", "x"), "starts with /"),
        ("op: add\n", "not a list"),
        ("- add\n", "a patch is a map"),
    ],
)
def test_what_copilot_or_ecs_refuses_is_an_error_at_the_line_of_the_patch(
    patched: Patched, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        patched(text)
    assert error.value.position is not None
    assert error.value.position.file == "cfn.patches.yml"
    assert error.value.position.line <= 3
    assert error.value.hint


def test_the_patch_to_blame_is_named_among_others(patched: Patched) -> None:
    text = patch("add", f"{CONTAINERS}/0/StopTimeout", "9") + patch("add", f"{CONTAINERS}/0/Ulimits", "[{Name: x}]")
    with pytest.raises(InputError, match="SoftLimit") as error:
        patched(text + patch("add", f"{CONTAINERS}/0/User", "x"))
    assert error.value.position is not None
    assert error.value.position.line == 4
