"""Variables in manifests, as Copilot fills them in."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from emulator.errors import Severity


def value(manifests: Any, text: str, environment: str | None = "test", **variables: str) -> str:
    loaded = manifests.load(manifests.text(variables=f"\n  A: {text}"), environment, variables)
    result = loaded.manifest.variables["A"].value
    assert isinstance(result, str)
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${FOO}", "foo"),
        ("'x-${FOO}-${BAR}'", "x-foo-bar"),
        ('"${FOO}"', "foo"),
        ("${EMPTY}", ""),
        ("$FOO", "$FOO"),
        ("'${FOO:-x}'", "${FOO:-x}"),
        ("'${0abc}'", "${0abc}"),
        ("'${a-b}'", "${a-b}"),
        ("'\\${FOO}'", "${FOO}"),
        ("'\\${FOO} ${FOO}'", "foo foo"),
        ("'${COPILOT_APPLICATION_NAME}/${COPILOT_ENVIRONMENT_NAME}'", "app/test"),
    ],
)
def test_what_is_replaced(manifests: Any, text: str, expected: str) -> None:
    assert value(manifests, text, FOO="foo", BAR="bar", EMPTY="") == expected


def test_a_value_is_not_looked_at_again(manifests: Any) -> None:
    assert value(manifests, "${FOO}", FOO="${BAR}") == "${BAR}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A} ${B}", "x x"),  # what A brings in is replaced when it is B's turn
        ("${B} ${A}", "x ${B}"),  # B had its turn
        ("${B} ${A} ${B}", "x x x"),  # and here another one
        ("${A}", "${B}"),
        ("\\${B} ${A}", "${B} ${B}"),
        ("\\${A} ${A} ${B}", "x x x"),
        ("${B} \\${B}", "x \\x"),
        ("${C} ${D} ${C}", "${D} ${D} ${D}"),  # C is ${D} and D is ${C}
    ],
)
def test_variables_are_replaced_in_their_order_in_the_file(manifests: Any, text: str, expected: str) -> None:
    variables = {"A": "${B}", "B": "x", "C": "${D}", "D": "${C}"}
    assert value(manifests, f"'{text}'", **variables) == expected


def test_variables_that_name_each_other_are_refused_before_they_fill_the_memory(manifests: Any) -> None:
    names = [f"V{number}" for number in range(60)]
    variables = {name: f"${{{following}}}" * 2 for name, following in pairwise(names)} | {names[-1]: "x"}
    text = manifests.text(variables="{A: '" + "".join(f"${{{name}}}" for name in names) + "'}")
    (finding,) = manifests.findings(text, variables=variables)
    assert (finding.code, finding.path) == ("CL154", "variables.A")
    assert "name each other" in finding.hint


def test_keys_and_comments_are_left_alone(manifests: Any) -> None:
    text = manifests.text(variables="{'${FOO}': x} # ${NOTHING}")
    assert list(manifests.load(text, variables={"FOO": "foo"}).manifest.variables) == ["${FOO}"]


def test_a_number_from_a_variable_stays_text(manifests: Any) -> None:
    assert value(manifests, "${N}", N="0123") == "0123"
    (finding,) = manifests.findings(manifests.text(cpu="${N}"), variables={"N": "256"})
    assert (finding.code, finding.path) == ("CL103", "cpu")
    assert "interpolated" in finding.hint


def test_a_variable_that_is_not_defined(manifests: Any) -> None:
    (finding,) = manifests.findings(manifests.text(variables="{A: '${FOO}'}"))
    assert (finding.code, finding.path, finding.severity) == ("CL110", "variables.A", Severity.ERROR)
    assert "FOO" in finding.message
    assert ".env" in finding.hint


def test_a_variable_of_an_environment_that_is_not_used_is_a_warning(manifests: Any) -> None:
    text = manifests.text() + "environments: {test: {}, prod: {image: {location: 'x:${TAG}'}}}\n"
    (finding,) = manifests.findings(text, "test")
    assert (finding.code, finding.severity) == ("CL110", Severity.WARNING)
    (finding,) = manifests.findings(text, "prod")
    assert finding.severity is Severity.ERROR
    (finding,) = manifests.findings(text, "test", copilot=True)
    assert finding.severity is Severity.ERROR


def test_copilot_does_not_know_the_service_name(manifests: Any) -> None:
    (finding,) = manifests.findings(manifests.text(variables="{A: '${COPILOT_SERVICE_NAME}'}"))
    assert finding.code == "CL110"


def test_without_an_environment_its_name_stays(manifests: Any) -> None:
    assert value(manifests, "${COPILOT_ENVIRONMENT_NAME}", None) == "${COPILOT_ENVIRONMENT_NAME}"


def test_predefined_variables_cannot_be_changed(manifests: Any) -> None:
    text = manifests.text(variables="{A: '${COPILOT_APPLICATION_NAME}'}")
    (finding,) = manifests.findings(text, variables={"COPILOT_APPLICATION_NAME": "other"})
    assert finding.code == "CL112"
    assert manifests.findings(text, variables={"COPILOT_APPLICATION_NAME": "app"}) == []


def test_a_text_that_is_a_json_list_becomes_a_list(manifests: Any) -> None:
    text = manifests.text(command="${WORDS}", network='{vpc: {security_groups: \'["sg-1", "sg-2"]\'}}')
    loaded = manifests.load(text, variables={"WORDS": '["echo", "a b"]'}).manifest
    assert loaded.command == ["echo", "a b"]
    assert [group.id for group in loaded.network.vpc.security_groups.groups] == ["sg-1", "sg-2"]


@pytest.mark.parametrize("text", ["[]", "'[1, 2]'", "'[\"a\", 1]'", "'[not json'", '\'{"a": "b"}\''])
def test_what_does_not_become_a_list(manifests: Any, text: str) -> None:
    if text != "[]":
        assert value(manifests, text) == text.strip("'")
    assert manifests.load(manifests.text(command="'[]'")).manifest.command == ["[]"]


def test_a_json_list_does_not_fit_a_variable(manifests: Any) -> None:
    (finding,) = manifests.findings(manifests.text(variables="{A: '[\"a\"]'}"))
    assert (finding.code, finding.path) == ("CL111", "variables.A")
    assert "literal block" in finding.hint


def test_a_literal_block_keeps_a_json_list_as_text(manifests: Any) -> None:
    text = manifests.text(variables='\n  A: |\n    ["a"]\n  B: |-\n    ["b", "${FOO}"]')
    variables = manifests.load(text, variables={"FOO": "foo"}).manifest.variables
    assert (variables["A"].value, variables["B"].value) == ('["a"]\n', '["b", "foo"]')


def test_an_anchored_value_is_filled_in_once(manifests: Any) -> None:
    text = manifests.text(variables="{A: &a '${FOO}', B: *a}")
    variables = manifests.load(text, variables={"FOO": "${FOO}"}).manifest.variables
    assert (variables["A"].value, variables["B"].value) == ("${FOO}", "${FOO}")


def test_tagged_values_are_left_alone(manifests: Any) -> None:
    text = manifests.text(taskdef_overrides="[{path: A, value: !Sub '${Nothing}'}]")
    assert manifests.load(text).manifest.taskdef_overrides[0].value == {"Fn::Sub": "${Nothing}"}
