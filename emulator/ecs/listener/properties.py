"""Conditions and transforms of a listener rule as the properties of AWS::ElasticLoadBalancingV2::ListenerRule, and
back.

Source: CloudFormation's resource reference; the elbv2 API has the same names.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict
from pydantic.alias_generators import to_pascal

from emulator.ecs.properties import Properties
from emulator.ecs.references import REFERENCE_TYPES, Value
from emulator.ecs.service import (
    Condition,
    HostHeader,
    HttpHeader,
    HttpRequestMethod,
    JwtClaim,
    JwtValidation,
    PathPattern,
    QueryString,
    Rewrite,
    SourceIp,
    Transform,
)
from emulator.model import FieldError, InvalidData, Keys, Model, from_plain, make

CONFIGURATIONS = {"url-rewrite": "UrlRewriteConfig", "host-header-rewrite": "HostHeaderRewriteConfig"}
"""Where a transform of each type has its rewrites."""


class UnknownValue(ValueError):
    """A value that only a deployment knows, and where it stands."""

    def __init__(self, keys: Keys) -> None:
        super().__init__(".".join(map(str, keys)))
        self.keys = keys


def condition_properties(condition: Condition, own_name: object) -> Properties:
    """A condition; `own_name` stands for the load balancer's own DNS name."""
    found: Properties = {"Field": condition.field}
    match condition:
        case PathPattern():
            found["PathPatternConfig"] = _texts(condition.values, condition.regex_values)
        case HostHeader():
            own = [own_name] if condition.load_balancer_name else []
            found["HostHeaderConfig"] = _texts([*own, *condition.values], condition.regex_values)
        case SourceIp():
            found["SourceIpConfig"] = {"Values": list(condition.values)}
        case HttpHeader():
            texts = _texts(condition.values, condition.regex_values)
            found["HttpHeaderConfig"] = {"HttpHeaderName": condition.name, **texts}
        case HttpRequestMethod():
            found["HttpRequestMethodConfig"] = {"Values": list(condition.values)}
        case QueryString():
            pairs = [{"Key": key, "Value": value} if key else {"Value": value} for key, value in condition.values]
            found["QueryStringConfig"] = {"Values": pairs}
    return found


def _texts(values: list[str] | list[object], regex_values: list[str]) -> Properties:
    found: Properties = {"Values": list(values)} if values else {}
    return found | ({"RegexValues": list(regex_values)} if regex_values else {})


def transform_properties(transform: Transform) -> Properties:
    """A transform with its rewrites."""
    rewrites = [{"Regex": item.regex, "Replace": item.replace} for item in transform.rewrites]
    return {"Type": transform.type, CONFIGURATIONS[transform.type]: {"Rewrites": rewrites}}


class _Shape(Model):
    model_config = ConfigDict(alias_generator=to_pascal)


class _Texts(_Shape):
    values: list[Value] = []
    regex_values: list[Value] = []


class _Header(_Texts):
    http_header_name: Value


class _Values(_Shape):
    values: list[Value] = []


class _Pair(_Shape):
    key: Value = ""
    value: Value


class _Pairs(_Shape):
    values: list[_Pair] = []


class _Condition(_Shape):
    field: Literal[
        "path-pattern", "host-header", "http-header", "http-request-method", "query-string", "source-ip"
    ]  # fmt: skip
    values: list[Value] = []
    """Instead of a configuration, for paths and hosts."""
    regex_values: list[Value] = []
    path_pattern_config: _Texts | None = None
    host_header_config: _Texts | None = None
    http_header_config: _Header | None = None
    http_request_method_config: _Values | None = None
    query_string_config: _Pairs | None = None
    source_ip_config: _Values | None = None


class _Rewrite(_Shape):
    regex: Value
    replace: Value


class _Rewrites(_Shape):
    rewrites: list[_Rewrite]


class _Transform(_Shape):
    type: Literal["url-rewrite", "host-header-rewrite"]
    url_rewrite_config: _Rewrites | None = None
    host_header_rewrite_config: _Rewrites | None = None


class _Rule(_Shape):
    conditions: list[_Condition] = []
    transforms: list[_Transform] = []


def read_rule(properties: Properties, own_name: Value) -> tuple[list[Condition], list[Transform]]:
    """The conditions and transforms of a rule's properties, of which the others are not looked at.

    Raises InvalidData for what CloudFormation would refuse, UnknownValue for a function whose value is not known here.
    """
    wanted = {key: properties[key] for key in ("Conditions", "Transforms") if key in properties}
    rule = from_plain(_Rule, wanted)
    conditions = [_condition(item, index, own_name) for index, item in enumerate(rule.conditions)]
    return conditions, [_transform(item, index) for index, item in enumerate(rule.transforms)]


class _Claim(_Shape):
    format: Literal["single-string", "string-array", "space-separated-values"]
    name: Value
    values: list[Value]


class _Jwt(_Shape):
    jwks_endpoint: Value
    issuer: Value
    additional_claims: list[_Claim] = []


class _JwtAction(_Shape):
    type: Literal["jwt-validation"]
    order: int | None = None
    jwt_validation_config: _Jwt


def read_jwt(action: object) -> JwtValidation:
    """The validation of a `jwt-validation` action's properties. Raises as `read_rule`."""
    at: Keys = ("Actions",)
    found = from_plain(_JwtAction, action).jwt_validation_config
    claims = [
        make(JwtClaim, name=_text(claim.name, at), format=claim.format, values=_known(claim.values, at))
        for claim in found.additional_claims
    ]
    return make(
        JwtValidation, jwks_endpoint=_text(found.jwks_endpoint, at), issuer=_text(found.issuer, at), claims=claims
    )


def _condition(item: _Condition, index: int, own_name: Value) -> Condition:
    at: Keys = ("Conditions", index)
    plain = make(_Texts, values=item.values, regex_values=item.regex_values)
    match item.field:
        case "path-pattern":
            texts = item.path_pattern_config or plain
            return make(PathPattern, values=_known(texts.values, at), regex_values=_known(texts.regex_values, at))
        case "host-header":
            texts = item.host_header_config or plain
            return make(
                HostHeader,
                values=_known([value for value in texts.values if value != own_name], at),
                regex_values=_known(texts.regex_values, at),
                load_balancer_name=own_name in texts.values,
            )
        case "http-header" if item.http_header_config is not None:
            header = item.http_header_config
            values, expressions = _known(header.values, at), _known(header.regex_values, at)
            return make(
                HttpHeader, name=_text(header.http_header_name, at), values=values, regex_values=expressions
            )  # fmt: skip
        case "http-request-method" if item.http_request_method_config is not None:
            return make(HttpRequestMethod, values=_known(item.http_request_method_config.values, at))
        case "query-string" if item.query_string_config is not None:
            pairs = item.query_string_config.values
            return make(QueryString, values=[(_text(pair.key, at), _text(pair.value, at)) for pair in pairs])
        case "source-ip" if item.source_ip_config is not None:
            return make(SourceIp, values=_known(item.source_ip_config.values, at))
    raise InvalidData([FieldError(at, f"a condition on {item.field} has no values")])


def _transform(item: _Transform, index: int) -> Transform:
    at: Keys = ("Transforms", index)
    own = item.url_rewrite_config if item.type == "url-rewrite" else item.host_header_rewrite_config
    other = item.host_header_rewrite_config if item.type == "url-rewrite" else item.url_rewrite_config
    if own is None or other is not None:
        raise InvalidData(
            [FieldError(at, f"{item.type} has its rewrites in {CONFIGURATIONS[item.type]}, and no other")]
        )
    rewrites = [make(Rewrite, regex=_text(one.regex, at), replace=_text(one.replace, at)) for one in own.rewrites]
    return make(Transform, type=item.type, rewrites=rewrites)


def _known(values: list[Value], keys: Keys) -> list[str]:
    return [_text(value, keys) for value in values]


def _text(value: Value, keys: Keys) -> str:
    if isinstance(value, REFERENCE_TYPES):
        raise UnknownValue(keys)
    return str(value)
