"""The task definition as the properties of AWS::ECS::TaskDefinition: CloudFormation's names for the ECS API's."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from emulator.ecs.references import REFERENCE_TYPES
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


def properties(model: BaseModel, convert: Callable[[object], object] = lambda reference: reference) -> Properties:
    """A shape of the model as CloudFormation's properties, without what is not set; every reference is what `convert`
    makes of it."""
    found: Properties = {}
    for attribute, name in keys_of(model):
        value = getattr(model, attribute)
        if value is not None and value not in ([], {}):
            found[property_name(name)] = _each(value, convert)
    return found


def property_name(api_name: str) -> str:
    """CloudFormation's name for a name of the API: `ContainerDefinitions` for `containerDefinitions`."""
    return _IRREGULAR.get(api_name, api_name[:1].upper() + api_name[1:])


def api_name(name: str) -> str:
    """The API's name for one of CloudFormation's."""
    return _API_NAMES.get(name, name[:1].lower() + name[1:])


def _each(value: object, convert: Callable[[object], object]) -> object:
    if isinstance(value, REFERENCE_TYPES):
        return convert(value)
    if isinstance(value, BaseModel):
        return properties(value, convert)
    if isinstance(value, list):
        return [_each(item, convert) for item in value]
    if isinstance(value, dict):
        return {key: _each(item, convert) for key, item in value.items()}
    return value
