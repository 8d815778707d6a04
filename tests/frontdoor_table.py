"""Reads the tables of `tests/golden/frontdoor`, which the explanation and the running front are both held against."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from emulator.ecs.service import Forward, ListenerRule, LogGroup, Service, TargetGroup, TargetHealthCheck
from emulator.ecs.task_definition import ContainerDefinition, TaskDefinition
from emulator.model import from_plain

TABLES = Path(__file__).parent / "golden" / "frontdoor"
SERVICE = "web"

_FILLER = re.compile(r"\{(\d+) (bytes|addresses)\}")


@dataclass(frozen=True)
class Case:
    """One request and its outcome. `expect` is a target group's name or a status of the load balancer itself."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    expect: str | int
    source: str
    seen: str | None = None
    seen_host: str | None = None
    location: str | None = None
    body: str | None = None
    content_type: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path[:60]} {[f'{name}: {value[:40]}' for name, value in self.headers]}"


@dataclass(frozen=True)
class RuleSet:
    """Rules of one listener with the cases on them."""

    name: str
    service: Service
    cases: list[Case]
    options: dict[str, Any] = field(default_factory=dict)


def service_with(rules: list[ListenerRule], groups: list[TargetGroup]) -> Service:
    """A service with nothing but rules and target groups."""
    container = ContainerDefinition(name=SERVICE, image=SERVICE)
    return Service(
        app="app",
        environment="test",
        name=SERVICE,
        type="Load Balanced Web Service",
        task_definition=TaskDefinition(family="app-test-web", container_definitions=[container]),
        main_container=SERVICE,
        target_groups=groups,
        listener_rules=rules,
        log_group=LogGroup(name="/copilot/app-test-web"),
    )


def read_table() -> list[RuleSet]:
    """Every rule set of the tables."""
    files = (TABLES / "rules.yml", TABLES / "transforms.yml")
    return [_rule_set(item) for file in files for item in yaml.load(file.read_text(), yaml.CSafeLoader)]


def _rule_set(item: dict[str, Any]) -> RuleSet:
    rules = [_rule(priority, rule) for priority, rule in item["rules"].items()]
    names = sorted(
        {
            weighted.target_group
            for rule in rules
            if isinstance(rule.action, Forward)
            for weighted in rule.action.target_groups
        }
    )
    check = TargetHealthCheck(path="/health")
    groups = [TargetGroup(name=name, container_name=SERVICE, container_port=80, health_check=check) for name in names]
    options: dict[str, Any] = {key: item[key] for key in ("listener_port", "source_ip") if key in item}
    return RuleSet(item["set"], service_with(rules, groups), [_case(case) for case in item["cases"]], options)


def _rule(priority: int, rule: dict[str, Any]) -> ListenerRule:
    conditions = [condition for part in rule.get("all", [rule]) for condition in _conditions(part)]
    if "to" in rule:
        to = rule["to"] if isinstance(rule["to"], dict) else {rule["to"]: 1}
        groups = [{"target_group": name, "weight": weight} for name, weight in to.items()]
        action = {"type": "forward", "target_groups": groups}
    elif "redirect" in rule:
        action = {"type": "redirect", **rule["redirect"]}
    else:
        action = {"type": "fixed-response", **rule["fixed"]}
    return from_plain(
        ListenerRule,
        {
            "name": f"rule{priority}",
            "priority": priority,
            "conditions": conditions,
            "action": action,
            "transforms": [
                {"type": kind, "rewrites": [{"regex": rule[key][0], "replace": rule[key][1]}]}
                for key, kind in (("url", "url-rewrite"), ("rename", "host-header-rewrite"))
                if key in rule
            ],
        },
    )


def _conditions(part: dict[str, Any]) -> list[dict[str, Any]]:
    fields = {
        "path": "path-pattern",
        "host": "host-header",
        "method": "http-request-method",
        "query": "query-string",
        "source": "source-ip",
    }
    found: list[dict[str, Any]] = [{"field": fields[key], "values": part[key]} for key in part if key in fields]
    for key in ("path", "host"):
        if f"{key}_regex" in part:
            found = [one for one in found if one["field"] != fields[key]]
            found.append({"field": fields[key], "values": part.get(key, []), "regex_values": part[f"{key}_regex"]})
    if "header_regex" in part:
        found.append({"field": "http-header", **part["header_regex"]})
    if "own_name" in part:
        found.append({"field": "host-header", "values": part["own_name"], "load_balancer_name": True})
    if "header" in part:
        found.append({"field": "http-header", **part["header"]})
    return found


def _case(case: dict[str, Any]) -> Case:
    method, path = _filled(case["send"]).split(" ", 1)
    lines = case.get("headers", ["Host: h.test"])
    headers = [(line.split(": ", 1)[0], _filled(line.split(": ", 1)[1])) for line in lines]
    return Case(
        method,
        path,
        headers,
        case["expect"],
        case["source"],
        case.get("seen"),
        case.get("seen_host"),
        case.get("location"),
        case.get("body"),
        case.get("type"),
    )


def _filled(text: str) -> str:
    """`{3 bytes}` and `{3 addresses}` stand for what would be long to write."""

    def filler(found: re.Match[str]) -> str:
        count = int(found[1])
        return "x" * count if found[2] == "bytes" else ", ".join(f"10.0.0.{n}" for n in range(count))

    return _FILLER.sub(filler, text)
