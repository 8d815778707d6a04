"""What stacks give to services, as far as it is known before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.app.known_outputs import known_to
from emulator.ecs.addons.model import Addons
from emulator.ecs.references import AddonReference, ImportReference
from emulator.ecs.service import Service
from emulator.ecs.task_definition import KeyValuePair
from emulator.errors import Position, Unsupported
from emulator.events import discard
from emulator.model import make
from emulator.runtime.listeners.port_choice import AskedPorts, with_ports
from emulator.runtime.secrets.missing_values import missing_values
from emulator.runtime.specs.aws.endpoint import aws_spec
from emulator.runtime.specs.aws.known import Known
from emulator.runtime.specs.aws.resources import aws_request
from emulator.runtime.specs.unsupported_features import refuse_unsupported
from emulator.runtime.state.observed import Observed
from tests.unit.runtime.world import desired_state, make_service

GROUP = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"VpcId": "vpc-1"}}
TABLE = {"Type": "AWS::DynamoDB::Table"}
SHARED = {"Fn::Sub": "${App}-${Env}-Shared"}


def addons(resources: dict[str, Any], outputs: dict[str, Any], *given: str) -> Addons:
    declared = {name: {"Type": "String"} for name in ("App", "Env", *given)}
    sections: Any = {"Parameters": declared, "Resources": resources, "Outputs": outputs}
    return make(Addons, sections=sections, positions={"Resources.Search": Position("env.yml", 5)})


def service(*references: Any, name: str = "hello", **fields: Any) -> Service:
    made = make_service(name=name)
    [container] = made.task_definition.container_definitions
    environment = [make(KeyValuePair, name=f"V{number}", value=one) for number, one in enumerate(references)]
    container = container.model_copy(update={"environment": environment})
    definition = made.task_definition.model_copy(update={"container_definitions": [container]})
    return made.model_copy(update={"task_definition": definition, **fields})


def imported(name: str) -> ImportReference:
    return make(ImportReference, name=name)


def of(one: Service, *others: Service, values: dict[str, str] | None = None, aws: Any = "local") -> Known:
    return known_to([one, *others], values or {}, "us-east-1", aws).get(one.name, Known())


def missing(one: Service, *others: Service, aws: Any = "local") -> list[str]:
    return [gap.name for gap in missing_values(one, {}, "us-east-1", aws, of(one, *others, aws=aws))]


def test_a_security_group_is_an_id_and_starts_nothing() -> None:
    found = addons({"Group": GROUP}, {"GroupId": {"Value": {"Fn::GetAtt": ["Group", "GroupId"]}}}, "Name")
    one = service(make(AddonReference, name="GroupId"), addons=found)
    known = of(one)
    assert known.outputs["GroupId"].startswith("sg-")
    assert of(one, aws="none") == known
    assert missing(one) == []
    state = desired_state(one)
    assert aws_spec(with_ports(state, AskedPorts(), Observed([]), frozenset())) is None


def test_what_the_environment_itself_exports_is_known() -> None:
    one = service(imported("demo-test-VpcId"), imported("demo-test-PublicSubnets"), imported("demo-prod-VpcId"))
    known = of(one)
    assert known.outputs["demo-test-VpcId"].startswith("vpc-")
    assert known.outputs["demo-test-PublicSubnets"].count("subnet-") == 2
    assert missing(one) == ["demo-prod-VpcId"]


@pytest.mark.parametrize("where", ["environment", "service"])
def test_an_export_of_a_stack_that_is_made_here_is_not_missing(where: str) -> None:
    outputs = {"Table": {"Value": {"Ref": "Table"}, "Export": {"Name": SHARED}}}
    if where == "environment":
        ones = [service(imported("demo-test-Shared"), environment_addons=addons({"Table": TABLE}, outputs))]
    else:
        other = service(name="other", addons=addons({"Table": TABLE}, outputs, "Name"))
        ones = [service(imported("demo-test-Shared")), other]
    assert of(*ones) == Known({}, ("demo-test-Shared",))
    assert missing(*ones) == []
    assert missing(*ones, aws="none") == ["demo-test-Shared"]


def test_a_value_of_ones_own_is_not_looked_for() -> None:
    outputs = {"Table": {"Value": {"Ref": "Table"}, "Export": {"Name": SHARED}}}
    one = service(imported("demo-test-Shared"), environment_addons=addons({"Table": TABLE}, outputs))
    assert of(one, values={"demo-test-Shared": "mine"}) == Known()


def test_addons_of_an_environment_start_the_endpoint_and_come_first() -> None:
    shared = addons({"Table": TABLE}, {})
    own = addons({"Table": TABLE}, {}, "Name")
    state = desired_state(service(environment_addons=shared, addons=own))
    state = with_ports(state, AskedPorts(), Observed([]), frozenset())
    assert aws_spec(state) is not None
    stacks: Any = aws_request(state)["stacks"]
    assert [stack["name"] for stack in stacks] == ["demo-test-AddonsStack", "demo-test-hello-AddonsStack"]
    assert stacks[0]["parameters"] == {"App": "demo", "Env": "test"}


def test_what_cannot_run_is_refused_with_its_place_unless_its_value_is_given() -> None:
    shared = addons({"Search": {"Type": "AWS::OpenSearchService::Domain"}}, {})
    one = service(environment_addons=shared)
    with pytest.raises(Unsupported, match="environment test: Search is a AWS::OpenSearchService::Domain") as caught:
        refuse_unsupported([one], discard)
    assert str(caught.value.position) == "env.yml:5"
    refuse_unsupported([one], discard, values={"Search.DomainEndpoint": "http://search"})
    refuse_unsupported([one], discard, aws="none")
