"""The task definition as the properties of AWS::ECS::TaskDefinition: CloudFormation's names for the ECS API's."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from emulator.ecs.references import REFERENCE_TYPES, Reference
from emulator.model import keys_of

Properties = dict[str, object]

_IRREGULAR = {
    "efsVolumeConfiguration": "EFSVolumeConfiguration",
    "fileSystemId": "FilesystemId",
    "iam": "IAM",
    "properties": "ProxyConfigurationProperties",
    "sizeInGiB": "SizeInGiB",
}
"""Names that CloudFormation does not derive from the API's by its first letter."""

_API_NAMES = {name: api for api, name in _IRREGULAR.items()}


def property_name(api_name: str) -> str:
    """CloudFormation's name for a name of the API: `ContainerDefinitions` for `containerDefinitions`."""
    return _IRREGULAR.get(api_name, api_name[:1].upper() + api_name[1:])


def api_name(name: str) -> str:
    """The API's name for one of CloudFormation's."""
    return _API_NAMES.get(name, name[:1].lower() + name[1:])


def properties(
    model: BaseModel,
    convert: Callable[[Reference], object] = lambda reference: reference,
    *,
    name: Callable[[str], str] = property_name,
    keep: Callable[[BaseModel, str], bool] = lambda *_: False,
) -> Properties:
    """A shape of the model as CloudFormation's properties, without what is not set; every reference is what `convert`
    makes of it. `name` gives other names than CloudFormation's, `keep` tells which empty attributes stay."""

    def each(value: object) -> object:
        if isinstance(value, REFERENCE_TYPES):
            return convert(value)
        if isinstance(value, BaseModel):
            return properties(value, convert, name=name, keep=keep)
        if isinstance(value, list):
            return [each(item) for item in value]
        if isinstance(value, dict):
            return {key: each(item) for key, item in value.items()}
        return value

    values = ((attribute, key, getattr(model, attribute)) for attribute, key in keys_of(model))
    return {
        name(key): each(value)
        for attribute, key, value in values
        if value is not None and (value not in ([], {}) or keep(model, attribute))
    }


def scalar_text(value: object) -> object:
    """A number or a boolean as CloudFormation turns it into text; anything else as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
