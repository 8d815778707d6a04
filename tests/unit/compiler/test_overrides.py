from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.ecs.references import ImportReference, Join, PseudoReference, ResourceReference
from emulator.ecs.service import Service
from emulator.ecs.task_definition import TaskDefinition, Ulimit
from emulator.errors import InputError, Unsupported

Compile = Callable[..., Service]
BASE = """
name: api
type: Backend Service
image: {location: api, port: 80}
variables: {A: b}
secrets: {S: {from_cfn: Exported}}
taskdef_overrides:
"""


@pytest.fixture
def override(compile: Compile) -> Callable[..., TaskDefinition]:
    """The task definition with rules, each a path and a value in YAML."""

    def run(*rules: tuple[str, str]) -> TaskDefinition:
        text = "".join(f"  - path: {path}\n    value: {value}\n" for path, value in rules)
        return compile(BASE + text).task_definition

    return run


Override = Callable[..., TaskDefinition]


def test_rules_apply_one_after_the_other(override: Override) -> None:
    definition = override(
        ("ContainerDefinitions[0].Ulimits[-]", "{Name: nofile, HardLimit: 1024, SoftLimit: 512}"),
        ("ContainerDefinitions[0].Ulimits[0].SoftLimit", "600"),
    )
    assert definition.container("api").ulimits == [Ulimit(name="nofile", hard_limit=1024, soft_limit=600)]


def test_several_rules_build_one_object_before_it_is_checked(override: Override) -> None:
    definition = override(
        ("ContainerDefinitions[0].Ulimits[-].Name", "nofile"),
        ("ContainerDefinitions[0].Ulimits[0].SoftLimit", "1024"),
        ("ContainerDefinitions[0].Ulimits[0].HardLimit", "4096"),
    )
    assert definition.container("api").ulimits == [Ulimit(name="nofile", soft_limit=1024, hard_limit=4096)]


def test_an_object_that_stays_incomplete_is_an_error_at_the_rule_that_began_it(override: Override) -> None:
    with pytest.raises(InputError, match=r"Ulimits\.0\.HardLimit: is missing") as error:
        override(
            ("ContainerDefinitions[0].User", "root"),
            ("ContainerDefinitions[0].Ulimits[-].Name", "nofile"),
            ("ContainerDefinitions[0].Ulimits[0].SoftLimit", "1024"),
            ("ContainerDefinitions[0].StopTimeout", "3"),
        )
    assert error.value.position is not None
    assert error.value.position.line == 12


def test_paths_and_values_in_another_case_are_the_same_property(override: Override) -> None:
    container = override(
        ("ContainerDefinitions[0].healthCheck.command", '["CMD-SHELL", "true"]'),
        ("ContainerDefinitions[0].healthCheck.interval", "7"),
        ("ContainerDefinitions[0].HealthCheck.Retries", "2"),
        ("ContainerDefinitions[0].ulimits[-]", "{name: nofile, softLimit: 1, hardLimit: 2}"),
        ("ContainerDefinitions[0].dockerLabels.keptAsIs", "x"),
    ).container("api")
    assert container.health_check is not None
    assert (container.health_check.command, container.health_check.interval) == (["CMD-SHELL", "true"], 7)
    assert container.health_check.retries == 2
    assert container.ulimits == [Ulimit(name="nofile", soft_limit=1, hard_limit=2)]
    assert container.docker_labels == {"keptAsIs": "x"}


def test_a_container_is_appended_step_by_step(override: Override) -> None:
    definition = override(
        ("ContainerDefinitions[-].Name", "extra"),
        ("ContainerDefinitions[1].Image", "busybox"),
        ("ContainerDefinitions[1].Essential", "false"),
    )
    assert [it.name for it in definition.container_definitions] == ["api", "extra"]
    assert definition.container("api").essential
    assert not definition.container("extra").essential


def test_any_index_makes_the_first_item_of_a_list_that_is_not_there(override: Override) -> None:
    assert len(override(("Volumes[5]", "{Name: scratch}")).volumes) == 1
    with pytest.raises(InputError, match=r"cannot specify Volumes\[0\] because the current length is 0"):
        override(("Volumes", "[]"), ("Volumes[0]", "{Name: scratch}"))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("ContainerDefinitions[0]", "{Name: other, Image: x}", "there is no container api any more"),
        ("ContainerDefinitions", "[]", "no container is left"),
        ("ContainerDefinitions[-]", "{Name: api, Image: x}", "2 containers are called api"),
        ("family", "x", "cannot be overridden"),
        ("containerDefinitions[0].name", "x", "cannot be overridden"),
        ("ContainerDefinitions[0].User", "null", "User is null"),
        ("ContainerDefinitions[0].Ulimits[-]", "{Name: a, name: b}", "Name is given twice"),
        ("ContainerDefinitions[99999999999999999999].User", "x", "is not a path"),
    ],
)
def test_a_rule_after_which_nothing_could_be_deployed_is_an_error_at_its_line(
    compile: Compile, path: str, value: str, message: str
) -> None:
    text = f"{BASE}  - path: {path}\n    value: {value}\n"
    with pytest.raises(InputError, match=message) as error:
        compile(text, strict=False)
    assert error.value.position is None or error.value.position.line == 8


def test_the_rest_stays_as_it_was(override: Override, compile: Compile) -> None:
    changed = override(("ContainerDefinitions[0].StopTimeout", "90"))
    plain = compile(BASE.replace("taskdef_overrides:", "")).task_definition
    assert changed.container("api").stop_timeout == 90
    changed.container("api").stop_timeout = None
    assert changed.model_copy(update={"container_definitions": []}) == plain.model_copy(
        update={"container_definitions": []}
    )
    assert changed.container("api").environment == plain.container("api").environment
    assert changed.container("api").log_configuration == plain.container("api").log_configuration


def test_values_become_text_where_ecs_has_text(override: Override) -> None:
    definition = override(
        ("Cpu", "512"),
        ("ContainerDefinitions[0].Cpu", "128"),
        ("ContainerDefinitions[0].Environment[-]", "{Name: FLAG, Value: true}"),
        ("ContainerDefinitions[0].DockerLabels", "{Build: 7}"),
        ("ContainerDefinitions[0].LinuxParameters.InitProcessEnabled", "true"),
    )
    container = definition.container("api")
    assert (definition.cpu, container.cpu) == ("512", 128)
    assert (container.environment[-1].name, container.environment[-1].value) == ("FLAG", "true")
    assert container.docker_labels == {"Build": "7"}
    assert container.linux_parameters is not None
    assert container.linux_parameters.init_process_enabled is True


def test_functions_become_references(override: Override) -> None:
    container = override(
        ("ContainerDefinitions[0].Environment[0].Value", "!Ref AWS::Region"),
        ("ContainerDefinitions[0].Environment[1].Value", "!GetAtt LogGroup.Arn"),
        ("ContainerDefinitions[0].Environment[2].Value", "!Sub 'a-${ AWS::Region }-${!X}'"),
    ).container("api")
    region, group, joined = (pair.value for pair in container.environment[:3])
    assert isinstance(region, PseudoReference)
    assert isinstance(group, ResourceReference)
    assert (group.name, group.attribute) == ("LogGroup", "Arn")
    assert isinstance(joined, Join)
    assert joined.parts == ("a-", PseudoReference(name="AWS::Region", position=joined.position), "-${X}")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "ContainerDefinitions[3].Cpu",
            "1",
            r"cannot specify ContainerDefinitions\[3\] because the current length is 1",
        ),
        ("ContainerDefinitions[0].Colour", "red", "makes no valid task definition: .*olour"),
        ("ContainerDefinitions[0].Image.Tag", "x", "Image is not a map"),
        ("Cpu[0]", "1", "Cpu is not a list"),
    ],
)
def test_a_rule_that_cannot_apply_is_an_error_at_its_line(
    override: Override, path: str, value: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        override((path, value))
    assert error.value.position is not None
    assert error.value.position.line == 8
    assert error.value.hint


def test_functions_with_maps_blanks_and_known_names(override: Override) -> None:
    container = override(
        ("ContainerDefinitions[0].Environment[0].Value", r"!Sub ['${ Where }/\${AppName}', {Where: !Ref EnvName}]"),
        ("ContainerDefinitions[0].Environment[1].Value", r"!ImportValue {'Fn::Sub': '\${AppName}-\${EnvName}-VpcId'}"),
        ("ContainerDefinitions[0].Environment[2].Value", "!Join ['-', [a, !Sub '${ LogGroup.Arn}']]"),
        ("ContainerDefinitions[0].User", "'1000'"),
    ).container("api")
    text, imported, joined = (pair.value for pair in container.environment[:3])
    assert text == "test/demo"
    assert isinstance(imported, ImportReference)
    assert imported.name == "demo-test-VpcId"
    assert isinstance(joined, Join)
    assert joined.parts[0] == "a-"
    assert isinstance(joined.parts[1], ResourceReference)
    assert joined.parts[1].attribute == "Arn"


def test_a_function_without_a_form_here_is_refused(override: Override) -> None:
    with pytest.raises(Unsupported, match="Fn::Select"):
        override(("ContainerDefinitions[0].User", '!Select [0, ["a"]]'))
