"""Change sets, read and judged: what passes, what does not, and that one bad change never passes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.errors import InputError
from emulator.leave.change_sets import read_change_sets
from emulator.leave.kinds import DESTRUCTIVE, GUARDED, HARMLESS, HOLDS_DATA, REPLACEABLE, STACK
from emulator.leave.verdict import Level, Phase, Verdict, judge

Json = dict[str, Any]
ROOT = "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/protect/1"
NESTED = "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/protect-addons/2"
POLICIES = ["DeletionPolicy", "UpdateReplacePolicy"]


def change(id: str = "Table", type: str = "AWS::DynamoDB::Table", action: str = "Modify", **more: Any) -> Json:
    """A change as CloudFormation describes it: of policies only, unless it says otherwise."""
    found: Json = {"Action": action, "LogicalResourceId": id, "PhysicalResourceId": f"physical-{id}"}
    found |= {"ResourceType": type, "Scope": [], "Details": []}
    if action == "Modify":
        found |= {"Replacement": "False", "Scope": POLICIES, "Details": [detail(name) for name in POLICIES]}
    found |= more
    return {"Type": "Resource", "ResourceChange": {key: it for key, it in found.items() if it is not None}}


def detail(attribute: str, name: str | None = None, recreation: str | None = None, evaluation: str = "Static") -> Json:
    target = {"Attribute": attribute, "Name": name, "RequiresRecreation": recreation}
    target = {key: it for key, it in target.items() if it is not None}
    return {"Target": target, "Evaluation": evaluation, "ChangeSource": "DirectModification"}


def properties(name: str, recreation: str = "Never", evaluation: str = "Static") -> Json:
    """What a change of one property has."""
    return {"Scope": ["Properties"], "Details": [detail("Properties", name, recreation, evaluation)]}


def described(*changes: Json, **more: Any) -> Json:
    found: Json = {
        "ChangeSetName": "protect",
        "ChangeSetId": ROOT,
        "StackName": "shop-prod",
        "Status": "CREATE_COMPLETE",
        "ExecutionStatus": "AVAILABLE",
        "Changes": list(changes),
    }
    found |= more
    return {key: it for key, it in found.items() if it is not None}


def nested(*changes: Json, **more: Any) -> Json:
    """The set of a nested stack, in the words that CloudFormation has for it."""
    found = {
        "ChangeSetName": "protect-addons",
        "ChangeSetId": NESTED,
        "StackName": "shop-prod-AddonsStack-1",
        "ParentChangeSetId": ROOT,
        "RootChangeSetId": ROOT,
        "ExecutionStatus": "UNAVAILABLE",
        "StatusReason": "Only executable from the root change set.",
    }
    return described(*changes, **{**found, **more})


def policy(name: str, *, before: str | None = None, after: str | None = None) -> Json:
    """The detail of a policy that changes, with its values."""
    found = detail(name, recreation="Never")
    values = {"BeforeValue": before, "AfterValue": after}
    found["Target"] |= {key: it for key, it in values.items() if it is not None}
    return found


AUTOMATIC = change(
    "AddonsStack", STACK, ChangeSetId=NESTED, Scope=["Properties"],
    Details=[{**detail("Properties", evaluation="Dynamic"), "ChangeSource": "Automatic"}],
)  # fmt: skip
"""A nested stack that is looked into though nothing of it changes in the template around it."""
LEAVES = {"id": "AddonsStack", "type": STACK, "action": "Remove", "PolicyAction": "Retain"}
ADDONS = change("AddonsStack", STACK, ChangeSetId=NESTED, **properties("TemplateURL"))


def verdicts(phase: Phase, *sets: Json) -> list[Verdict]:
    return judge(read_change_sets([(f"{n}.json", json.dumps(it, indent=4)) for n, it in enumerate(sets)]), phase)


def passes(phase: Phase, *sets: Json) -> bool:
    return all(verdict.passes for verdict in verdicts(phase, *sets))


PROTECT: dict[str, tuple[list[Json], bool]] = {
    "policies of two resources": ([described(change(), change("Queue", "AWS::SQS::Queue"))], True),
    "one policy only": ([described(change(Scope=["DeletionPolicy"], Details=[]))], True),
    "a custom resource's policies": ([described(change("Cert", "Custom::CertificateValidationFunction"))], True),
    "a nested stack": ([described(change(), ADDONS), nested(change())], True),
    "two stacks": (
        [described(change()), described(change(), ChangeSetId=ROOT + "2", StackName="shop-prod-web")],
        True,
    ),
    "a property too": ([described(change(Scope=[*POLICIES, "Properties"]))], False),
    "a property in the details": ([described(change(Details=[detail("Properties", "TableName", "Always")]))], False),
    "metadata too": ([described(change(Scope=[*POLICIES, "Metadata"]))], False),
    "a replacement": ([described(change(Replacement="True"))], False),
    "perhaps a replacement": ([described(change(Replacement="Conditional"))], False),
    "no word on replacement": ([described(change(Replacement=None))], False),
    "no scope": ([described(change(Scope=[]))], False),
    "a removal": ([described(change(), change("Old", action="Remove"))], False),
    "a removal that is retained": ([described(change(), change("Old", action="Remove", PolicyAction="Retain"))], False),
    "something new": ([described(change(), change("New", action="Add"))], False),
    "an import": ([described(change(), change("New", action="Import"))], False),
    "a change that is known only then": ([described(change(action="Dynamic"))], False),
    "a policy action": ([described(change(PolicyAction="ReplaceAndDelete"))], False),
    "a nested stack that is not looked into": (
        [described(change("AddonsStack", STACK, **properties("TemplateURL")))],
        False,
    ),
    "a nested stack with another parameter": (
        [described(change("AddonsStack", STACK, ChangeSetId=NESTED, **properties("Parameters"))), nested(change())],
        False,
    ),
    "a nested stack of which properties change, and not which": (
        [described(change("AddonsStack", STACK, ChangeSetId=NESTED, Scope=["Properties"])), nested(change())],
        False,
    ),
    "a removal in a nested stack": ([described(ADDONS), nested(change("Old", action="Remove"))], False),
    "a nested stack that changes nothing": ([described(change(), AUTOMATIC), nested()], True),
    "a policy that deletes": ([described(change(Details=[policy("DeletionPolicy", after="Delete")]))], False),
}


@pytest.mark.parametrize("name", PROTECT)
def test_protect(name: str) -> None:
    sets, expected = PROTECT[name]
    assert passes(Phase.PROTECT, *sets) is expected


TAKEOVER: dict[str, tuple[list[Json], bool]] = {
    "a removal that is retained": ([described(change(action="Remove", PolicyAction="Retain"))], True),
    "a function of Copilot's goes": (
        [described(change("EnvControllerFunction", "AWS::Lambda::Function", "Remove", PolicyAction="Delete"))],
        True,
    ),
    "the role of a function of Copilot's goes": (
        [described(change("CustomResourceRole", "AWS::IAM::Role", "Remove", PolicyAction="Delete"))],
        True,
    ),
    "the trigger of a function of Copilot's goes": (
        [described(change("BacklogPerTaskScheduledRule", "AWS::Events::Rule", "Remove"))],
        True,
    ),
    "a function of the user's goes": ([described(change("Resize", "AWS::Lambda::Function", "Remove"))], False),
    "a role of the user's in a nested stack goes": (
        [described(ADDONS), nested(change("Reader", "AWS::IAM::Role", "Remove", PolicyAction="Delete"))],
        False,
    ),
    "a rule of the user's goes": (
        [described(change("Nightly", "AWS::Events::Rule", "Remove", PolicyAction="Delete"))],
        False,
    ),
    "a permission of the user's goes": ([described(change("May", "AWS::Lambda::Permission", "Remove"))], False),
    "a custom resource that does nothing": (
        [described(change("RulePriorityAction", "Custom::RulePriorityFunction", "Remove"))],
        True,
    ),
    "something new": ([described(change("Policy", "AWS::AutoScaling::ScalingPolicy", "Add"))], True),
    "a new task definition": (
        [
            described(
                change(
                    "TaskDefinition", "AWS::ECS::TaskDefinition", Replacement="True", PolicyAction="ReplaceAndDelete"
                )
            )
        ],
        True,
    ),
    "a property of a service": (
        [described(change("Service", "AWS::ECS::Service", **properties("TaskDefinition")))],
        True,
    ),
    "tags and metadata": ([described(change(Scope=["Metadata", "Tags"], Details=[]))], True),
    "a nested stack": ([described(ADDONS), nested(change(**properties("StreamSpecification")))], True),
    "the environment controller goes": (
        [described(change("EnvControllerAction", "Custom::EnvControllerFunction", "Remove", PolicyAction="Delete"))],
        False,
    ),
    "the environment controller runs again": (
        [described(change("EnvControllerAction", "Custom::EnvControllerFunction", **properties("Workload")))],
        False,
    ),
    "a table goes": ([described(change(action="Remove", PolicyAction="Delete"))], False),
    "a table goes without a word": ([described(change(action="Remove"))], False),
    "a database goes with a snapshot": (
        [described(change("DB", "AWS::RDS::DBCluster", "Remove", PolicyAction="Snapshot"))],
        False,
    ),
    "the role of tasks goes": ([described(change("TaskRole", "AWS::IAM::Role", "Remove"))], False),
    "a type that is not known goes": ([described(change("X", "AWS::New::Thing", "Remove"))], False),
    "a type that is not known is replaced": ([described(change("X", "AWS::New::Thing", Replacement="True"))], False),
    "a nested table is replaced": (
        [described(ADDONS), nested(change(Replacement="True", **properties("TableName", "Always")))],
        False,
    ),
    "a listener may be replaced": (
        [described(change("L", "AWS::ElasticLoadBalancingV2::Listener", Replacement="Conditional"))],
        False,
    ),
    "a queue is replaced and kept": (
        [described(change("Q", "AWS::SQS::Queue", Replacement="True", PolicyAction="ReplaceAndRetain"))],
        False,
    ),
    "an import": ([described(change(action="Import"))], False),
    "a change that is known only then": ([described(change(action="Dynamic"))], False),
    "brought to what is there": ([described(change(action="SyncWithActual"))], False),
    "a scope that is not known": ([described(change(Scope=["Everything"], Details=[]))], False),
    "a nested stack goes": ([described(change("AddonsStack", STACK, "Remove", PolicyAction="Delete"))], False),
    "a nested stack leaves": ([described(change(**LEAVES))], True),
    "a table is made while a nested stack leaves": ([described(change(**LEAVES), change(action="Add"))], False),
    "a table is made while another one leaves": (
        [described(change("Old", action="Remove", PolicyAction="Retain"), change("New", action="Add"))],
        False,
    ),
    "a table is made outside while it leaves the nested stack": (
        [described(ADDONS, change("New", action="Add")), nested(change(action="Remove", PolicyAction="Retain"))],
        False,
    ),
    "a policy of IAM is made while a nested stack leaves": (
        [described(change(**LEAVES), change("P", "AWS::IAM::ManagedPolicy", "Add"))],
        True,
    ),
    "a nested stack that changes nothing": ([described(AUTOMATIC), nested()], True),
    "a nested stack whose set failed for want of changes": (
        [
            described(AUTOMATIC),
            nested(Status="FAILED", StatusReason="The submitted information didn't contain changes."),
        ],
        True,
    ),
}


@pytest.mark.parametrize("name", TAKEOVER)
def test_takeover(name: str) -> None:
    sets, expected = TAKEOVER[name]
    assert passes(Phase.TAKEOVER, *sets) is expected


def test_a_value_that_is_known_only_then_is_for_a_person_to_look_at() -> None:
    service = change("Service", "AWS::ECS::Service", **properties("LoadBalancers", evaluation="Dynamic"))
    [verdict] = verdicts(Phase.TAKEOVER, described(service, change("P", "AWS::IAM::Policy", "Add")))
    assert [one.change.id for one in verdict.of(Level.LOOK)] == ["Service", "P"]
    assert verdict.passes


@pytest.mark.parametrize(
    ("type", "after", "level"),
    [
        ("AWS::DynamoDB::Table", None, Level.LOOK),
        ("AWS::DynamoDB::Table", "Delete", Level.LOOK),
        ("AWS::DynamoDB::Table", "Retain", Level.FINE),
        ("AWS::IAM::Policy", None, Level.FINE),
    ],
)
def test_a_policy_that_goes_is_for_a_person_to_look_at(type: str, after: str | None, level: Level) -> None:
    goes = policy("DeletionPolicy", before="Retain", after=after)
    changed = change("Notes", type, Scope=["DeletionPolicy", "Properties"], Details=[goes])
    [verdict] = verdicts(Phase.TAKEOVER, described(changed))
    [judged] = verdict.judgements
    assert judged.level is level
    words = "has no Retain as its DeletionPolicy any more: it goes with the stack (holds data)"
    assert (words in judged.reason) == (level is Level.LOOK)


def looked_at(*changes: Json, phase: Phase = Phase.TAKEOVER) -> list[str]:
    [verdict] = verdicts(phase, described(*changes))
    assert verdict.passes
    return [f"{one.change.id} {one.reason}" for one in verdict.of(Level.LOOK)]


def test_what_leaves_and_stays_is_listed_whatever_its_type() -> None:
    """Such as a rule of the HTTPS listener, where the domain was forgotten; functions of Copilot's are not."""
    types = {
        "HTTPSListenerRule": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "LoadBalancerDNSAlias": "AWS::Route53::RecordSetGroup",
        "Unheard": "AWS::New::Thing",
        "Service": "AWS::ECS::Service",
        "EnvControllerFunction": "AWS::Lambda::Function",
        "EnvControllerAction": "Custom::EnvControllerFunction",
    }
    found = looked_at(*(change(id, type, "Remove", PolicyAction="Retain") for id, type in types.items()))
    assert [line.partition(" ")[0] for line in found] == [*types][:4]
    assert "rendered without the application's domain" in found[0]
    assert "rendered without the application's domain" in found[1]
    assert "is a manifest missing that needs it?" in found[2]
    assert "its tasks stop" not in found[3], "they do not: the service stays"


def moved(name: str, before: object, after: object) -> Json:
    found = properties(name)
    values = {"BeforeValue": before, "AfterValue": after}
    found["Details"][0]["Target"] |= {key: json.dumps(it) for key, it in values.items() if it is not None}
    return found


def test_another_way_to_reach_a_service_is_for_a_person_to_look_at() -> None:
    before = {"Namespace": "shop.local", "Services": [{"PortName": "target", "DiscoveryName": "api-sc"}]}
    after = {**before, "Namespace": "prod.shop.local"}
    [line] = looked_at(change("Service", "AWS::ECS::Service", **moved("ServiceConnectConfiguration", before, after)))
    assert line == (
        "Service is reached in another way: ServiceConnectConfiguration Namespace: shop.local -> prod.shop.local"
    )
    [line] = looked_at(change("Rule", "AWS::ElasticLoadBalancingV2::ListenerRule", **moved("Priority", 3, 35141)))
    assert "Priority 3 -> 35141" in line
    [line] = looked_at(change("Service", "AWS::ECS::Service", **properties("ServiceRegistries")))
    assert "ServiceRegistries changes, and the change set has no values of it" in line
    same = moved("ServiceConnectConfiguration", before, dict(reversed(before.items())))
    assert looked_at(change("Service", "AWS::ECS::Service", **same)) == []
    here = {"AwsvpcConfiguration": {"Subnets": ["subnet-1"], "SecurityGroups": ["sg-env", "sg-db"]}}
    there = {"AwsvpcConfiguration": {"Subnets": ["subnet-2"], "SecurityGroups": ["sg-env"]}}
    [line] = looked_at(change("Service", "AWS::ECS::Service", **moved("NetworkConfiguration", here, there)))
    assert "subnet-1 -> subnet-2" in line
    assert '["sg-env", "sg-db"] -> ["sg-env"]' in line
    assert looked_at(change("Service", "AWS::ECS::Service", **moved("NetworkConfiguration", here, here))) == []
    assert looked_at(change("Service", "AWS::ECS::Service", **moved("TaskDefinition", "a:1", "a:2"))) == []


def test_a_rule_that_moves_to_another_listener_is_for_a_person_to_look_at() -> None:
    """CloudFormation makes a new rule for it: the old one goes once the new one is there."""

    def rule(before: str, after: str) -> Json:
        found = moved("ListenerArn", before, after)
        found["Details"][0]["Target"]["RequiresRecreation"] = "Always"
        return change("Rule", "AWS::ElasticLoadBalancingV2::ListenerRule", Replacement="True", **found)

    [line] = looked_at(rule("listener/app/public/443", "listener/app/internal/80"))
    assert "is replaced by one that is reached in another way: ListenerArn" in line
    assert "listener/app/public/443 -> listener/app/internal/80" in line
    assert looked_at(rule("listener/app/public/443", "listener/app/public/443")) == []


def test_the_way_back_may_import_what_stayed() -> None:
    role = change("Role", "AWS::IAM::Role", "Import")
    assert looked_at(role, phase=Phase.BACK) == ["Role is taken into the stack again, as it is"]
    assert not passes(Phase.TAKEOVER, described(role))
    goes = [policy(name, before="Retain") for name in POLICIES]
    [line] = looked_at(change("Action", "Custom::EnvControllerFunction", Details=goes), phase=Phase.BACK)
    assert "has no Retain as its DeletionPolicy and UpdateReplacePolicy any more" in line
    assert not passes(Phase.BACK, described(change(action="Remove", PolicyAction="Delete")))


INCOMPLETE: dict[str, tuple[list[Json], str]] = {
    "changes nothing": ([described()], "0.json:1: the change set protect of shop-prod changes nothing"),
    "failed": (
        [described(change(), Status="FAILED", StatusReason="No changes.", ExecutionStatus="UNAVAILABLE")],
        "its status is FAILED .No changes",
    ),
    "pending": ([described(change(), Status="CREATE_IN_PROGRESS")], "its status is CREATE_IN_PROGRESS"),
    "executed already": ([described(change(), ExecutionStatus="EXECUTE_COMPLETE")], "EXECUTE_COMPLETE"),
    "no execution status": ([described(change(), ExecutionStatus=None)], "ExecutionStatus is not there"),
    "the first page only": ([described(change(), NextToken="t")], "the next one is not here"),
    "a page twice": (
        [described(change(), NextToken="t"), described(change("B"), NextToken="t"), described(change("C"))],
        "pages of the change set protect are not whole",
    ),
    "two last pages": ([described(change()), described(change("B"))], "not whole"),
    "pages that differ": (
        [described(change(), NextToken="t"), described(change("B"), StackName="other")],
        "StackName differs",
    ),
    "one resource on two pages": ([described(change(), NextToken="t"), described(change())], "Table is there twice"),
    "a nested set that is missing": ([described(change(), ADDONS)], "protect-addons is not here"),
    "a root that is missing": ([nested(change())], "the one that it is part of is not here"),
    "a nested set that failed for another reason": ([described(ADDONS), nested(Status="FAILED")], "FAILED"),
    "a nested set that failed": ([described(ADDONS), nested(change(), Status="FAILED")], "FAILED"),
    "a nested set of another parent": (
        [described(ADDONS), nested(change(), ParentChangeSetId=ROOT + "x")],
        "is not nested in",
    ),
    "an action that is not known": ([described(change(action="Explode"))], "the action Explode is not known"),
    "a hook": ([described({"Type": "Hook", "ResourceChange": {"LogicalResourceId": "x"}})], "no change of a resource"),
    "a change without an id": ([described(change(LogicalResourceId=None))], "no LogicalResourceId"),
    "details that are none": ([described(change(Details=["x"]))], "no Target"),
    "a scope that is none": ([described(change(Scope="DeletionPolicy"))], "Scope is no list"),
    "no description": ([{"Stacks": []}], "this is no description of a change set"),
}


@pytest.mark.parametrize("name", INCOMPLETE)
def test_what_is_not_whole_is_refused(name: str) -> None:
    sets, message = INCOMPLETE[name]
    for phase in Phase:
        with pytest.raises(InputError, match=message) as caught:
            verdicts(phase, *sets)
        assert caught.value.position is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "x.json:1:2: this is no JSON"),
        ("Changes: []\n", "this is no JSON"),
        ("[]", "this is no description"),
        ('{"ChangeSetId": "a", "ChangeSetId": "b"}', "ChangeSetId is there twice"),
        ("[" * 100_000, "this is no"),
    ],
)
def test_a_file_that_is_no_change_set(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_change_sets([("x.json", text)])


def test_no_file_at_all() -> None:
    with pytest.raises(InputError, match="no change set is given"):
        read_change_sets([])


def test_several_pages_are_one_set_in_any_order_of_files() -> None:
    pages = [described(change("A"), NextToken="1"), described(change("B"), NextToken="2"), described(change("C"))]
    [verdict] = verdicts(Phase.PROTECT, *pages)
    assert [one.change.id for one in verdict.judgements] == ["A", "B", "C"]
    assert verdict.passes
    bad = [pages[0], described(change("B", action="Remove"), NextToken="2"), pages[2]]
    assert not passes(Phase.PROTECT, *bad)


def test_a_refusal_names_the_line_of_its_change() -> None:
    [verdict] = verdicts(Phase.PROTECT, described(change("A"), change("B", action="Remove")))
    [refused] = verdict.of(Level.REFUSED)
    text = json.dumps(described(change("A"), change("B", action="Remove")), indent=4).splitlines()
    assert '"LogicalResourceId": "B"' in text[refused.change.position.line - 1]
    assert "holds data" in refused.reason


KINDS = sorted({*GUARDED, *DESTRUCTIVE, *HARMLESS, *REPLACEABLE})
GOOD_PROTECT = st.builds(lambda type, scope: {"type": type, "Scope": scope, "Details": []}, st.sampled_from(KINDS),
                         st.sampled_from([POLICIES, POLICIES[:1], POLICIES[1:]]))  # fmt: skip
GOOD_TAKEOVER = st.one_of(
    st.builds(lambda type: {"type": type, "action": "Remove", "PolicyAction": "Retain"}, st.sampled_from(KINDS)),
    st.builds(lambda type: {"type": type, "action": "Remove"}, st.sampled_from(sorted(HARMLESS))),
    st.builds(lambda type: {"type": type, "Replacement": "True"}, st.sampled_from(sorted(REPLACEABLE))),
    st.builds(lambda type: {"type": type, "action": "Add"}, st.sampled_from(sorted({*KINDS} - HOLDS_DATA))),
    st.builds(lambda type: {"type": type, **properties("Tags")}, st.sampled_from(sorted(GUARDED))),
)
BAD_ANYWHERE = st.one_of(
    st.builds(
        lambda type, action: {"type": type, "action": "Remove", "PolicyAction": action},
        st.sampled_from(sorted({*GUARDED, *DESTRUCTIVE})),
        st.sampled_from(["Delete", "Snapshot", None, "ReplaceAndDelete", "Keep"]),
    ),
    st.builds(
        lambda type, replacement, action: {"type": type, "Replacement": replacement, "PolicyAction": action},
        st.sampled_from(sorted({*GUARDED, *DESTRUCTIVE})),
        st.sampled_from(["True", "Conditional", None, "Perhaps"]),
        st.sampled_from([None, "ReplaceAndDelete", "ReplaceAndRetain", "ReplaceAndSnapshot"]),
    ),
    st.builds(
        lambda type, recreation: {"type": type, **properties("Name", recreation)},
        st.sampled_from(sorted(GUARDED)),
        st.sampled_from(["Always", "Conditionally", "Sometimes"]),
    ),
    st.builds(
        lambda type, action: {"type": type, "action": action},
        st.sampled_from(KINDS),
        st.sampled_from(["Dynamic", "Import", "SyncWithActual"]),
    ),
)
MOVED = st.builds(
    lambda type, nested: [LEAVES if nested else {"type": type, "action": "Remove", "PolicyAction": "Retain"},
                          {"type": type, "action": "Add"}],
    st.sampled_from(sorted(HOLDS_DATA)), st.booleans(),
)  # fmt: skip


def numbered(changes: Iterable[Json]) -> list[Json]:
    return [change(**{"id": f"Resource{number}", **it}) for number, it in enumerate(changes)]


@settings(max_examples=60, deadline=None)
@given(st.lists(GOOD_PROTECT, min_size=1, max_size=6), st.lists(GOOD_TAKEOVER, min_size=1, max_size=6))
def test_good_changes_pass(protecting: list[Json], taking: list[Json]) -> None:
    assert passes(Phase.PROTECT, described(*numbered(protecting)))
    assert passes(Phase.TAKEOVER, described(*numbered(taking)))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(GOOD_PROTECT, max_size=5),
    st.lists(GOOD_TAKEOVER, max_size=5),
    BAD_ANYWHERE,
    st.integers(0, 5),
    st.sampled_from(["root", "nested", "page"]),
)
def test_one_bad_change_never_passes(
    protecting: list[Json], taking: list[Json], bad: Json, place: int, where: str
) -> None:
    for phase, good in ((Phase.PROTECT, protecting), (Phase.TAKEOVER, taking)):
        changes = numbered([*good[:place], bad, *good[place:]])
        if where == "root":
            sets = [described(*changes)]
        elif where == "nested":
            sets = [described(ADDONS), nested(*changes)]
        else:
            sets = [described(change("First"), NextToken="1"), described(*changes)]
        assert not passes(phase, *sets)


@settings(max_examples=60, deadline=None)
@given(st.lists(GOOD_TAKEOVER, max_size=5), MOVED, st.integers(0, 5))
def test_data_never_moves_to_another_stack(good: list[Json], moved: list[Json], place: int) -> None:
    assert not passes(Phase.TAKEOVER, described(*numbered([moved[0], *good[:place], moved[1], *good[place:]])))
