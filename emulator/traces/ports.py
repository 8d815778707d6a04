"""Ports of collectors, and the answers about sampling that X-Ray's SDKs ask for."""

from __future__ import annotations

import json
import time

XRAY = 2000
GRPC = 4317
HTTP = 4318
HEALTH = 13133
EVERY = (XRAY, GRPC, HTTP, HEALTH)


def sampling_rules(rate: float) -> bytes:
    """The answer to GetSamplingRules: one rule, for everything. Both SDKs insist on every field that is here."""
    rule = {
        "RuleName": "Default",
        "RuleARN": "arn:aws:xray:us-east-1:000000000000:sampling-rule/Default",
        "ResourceARN": "*",
        "Priority": 10000,
        "FixedRate": rate,
        "ReservoirSize": 1,
        "ServiceName": "*",
        "ServiceType": "*",
        "Host": "*",
        "HTTPMethod": "*",
        "URLPath": "*",
        "Version": 1,
        "Attributes": {},
    }
    return json.dumps({"SamplingRuleRecords": [{"CreatedAt": 0, "ModifiedAt": 0, "SamplingRule": rule}]}).encode()


def sampling_targets(rate: float) -> bytes:
    """The answer to GetSamplingTargets."""
    document = {
        "RuleName": "Default",
        "FixedRate": rate,
        "ReservoirQuota": 1,
        "ReservoirQuotaTTL": int(time.time()) + 300,
        "Interval": 10,
    }
    found = {"LastRuleModification": 0.0, "UnprocessedStatistics": [], "SamplingTargetDocuments": [document]}
    return json.dumps(found).encode()


def xray_answer(path: str, rate: float) -> bytes | None:
    """What X-Ray's API answers to a path that is not about segments; None for one that it has not."""
    match path:
        case "/GetSamplingRules":
            return sampling_rules(rate)
        case "/SamplingTargets":
            return sampling_targets(rate)
        case "/TelemetryRecords":
            return b"{}"
        case _:
            return None
