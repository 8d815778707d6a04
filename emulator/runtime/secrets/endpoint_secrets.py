"""Secrets and the local AWS endpoint: what the user gives goes there too, and what addons make comes from there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from emulator.ecs.service import Service
from emulator.errors import InputError
from emulator.events import Emit, Event, EventKind
from emulator.regions import partition
from emulator.runtime.secrets.content import login_of, part_of
from emulator.runtime.secrets.names import SecretName, parse_secret
from emulator.runtime.secrets.sources import SecretValues
from emulator.runtime.secrets.wanted import Wanted
from emulator.runtime.specs.aws.stacks import stacks_of
from emulator.runtime.state.desired import DesiredService, Private
from emulator.settings import LocalOptions

_RESERVED = ("aws", "ssm")
_THROUGH_SSM = "/aws/reference/secretsmanager/"
"""What a secret of Secrets Manager is called where Systems Manager is asked for it."""


@dataclass(slots=True)
class EndpointSecrets:
    """What an `up` has to do with the endpoint's secrets. Names are AWS's, without region and account."""

    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    """Of Secrets Manager, name to the whole content."""
    parameters: dict[str, str] = field(default_factory=dict, repr=False)
    """Of Systems Manager, put there as SecureString."""
    reserved: list[Wanted] = field(default_factory=list)
    """Parameters with a value whose name Systems Manager takes from no one."""
    wanted: list[Wanted] = field(default_factory=list)
    """Those that addons make: known once they are made."""

    def leave(
        self, wanted: Sequence[Wanted], values: SecretValues, services: Sequence[Service], options: LocalOptions
    ) -> list[Wanted]:
        """Notes the secrets that have no value on this machine and that addons make; returns the others."""
        without = [one for one in wanted if not values.has(one)]
        is_made = made_by_addons(services, options) if without else None
        self.wanted = [one for one in without if is_made is not None and is_made(one)]
        return [one for one in wanted if one not in self.wanted]

    def take(self, found: Mapping[Wanted, str], values: SecretValues, options: LocalOptions) -> None:
        """Notes what stands on this machine for the endpoint; not what was typed, or came from AWS: that is kept
        nowhere."""
        if options.aws == "none":
            return
        for wanted, value in found.items():
            if values.local(wanted) is not None:
                self.give(wanted, value, values.whole(wanted))
        self.give_lines(values.lines, options.region)

    def give(self, wanted: Wanted, value: str, whole: str | None) -> None:
        """Notes a value for the endpoint. `whole` is the content of the secret that the value is a part of, where that
        is known; else the parts that are wanted make it."""
        name = wanted.name
        if name is None or wanted.kind == "login":
            return
        if name.store == "ssm":
            key = name.name.partition(":")[0]
            if key.startswith(_THROUGH_SSM):
                self.secrets.setdefault(key.removeprefix(_THROUGH_SSM), value)
            elif _is_reserved(key):
                self.reserved.append(wanted)
            else:
                self.parameters.setdefault(key, value)
        elif not name.json_key or whole is not None:
            self.secrets.setdefault(name.aliases[-1], whole if name.json_key and whole is not None else value)
        else:
            self.secrets[name.aliases[-1]] = _with_part(self.secrets.get(name.aliases[-1]), name.json_key, value)

    def give_lines(self, lines: Mapping[str, str], region: str) -> None:
        """Notes what stands in the user's file by a parameter's own name, whether a manifest names it or not. Not
        secrets of Secrets Manager: logins of registries are there too, which are not for tasks."""
        for line, value in lines.items():
            is_parameter = line.startswith("/") or (line.startswith("arn:") and ":ssm:" in line)
            if not is_parameter or login_of(value) is not None:
                continue
            with suppress(InputError):  # an ARN that is cut wrongly names nothing
                name = parse_secret(line, region)
                if not _is_reserved(name.name):
                    self.parameters.setdefault(name.name.partition(":")[0], value)

    def request(self) -> dict[str, object]:
        """The part of the request to `emulator.aws.prepare` that is about secrets."""
        lookups = [(one.name.store, _asked(one.name)) for one in self.wanted if one.name is not None]
        return {"secrets": self.secrets, "parameters": self.parameters, "lookups": lookups}

    def received(self, private: Private, contents: Sequence[str | None]) -> Private:
        """The private values with those that were looked up; `contents` are in the order of `wanted`.

        Raises InputError, with the manifest's line, for one that is not there or lacks the part that is wanted.
        """
        services = {name: {one: dict(values) for one, values in by.items()} for name, by in private.services.items()}
        for wanted, content in zip(self.wanted, contents, strict=True):
            value, why = (None, "") if content is None else part_of(wanted, content)
            if value is None:
                raise InputError(
                    f"{wanted}: {why or f'the addons made no {wanted.text}'}",
                    position=wanted.position,
                    hint=f"correct the addon, or write {wanted.variable}=value into .copilot-local/secrets.env",
                )
            services.setdefault(wanted.service, {}).setdefault(wanted.container, {})[wanted.variable] = value
        return private.model_copy(update={"services": services})

    def warn(self, emit: Emit) -> None:
        """Says which names AWS takes from no one: the deployed service would not find its secret either."""
        for one in self.reserved:
            name = one.name.name if one.name is not None else one.text
            where = f" ({one.position})" if one.position else ""
            what = f"{name} begins with aws or ssm: Systems Manager refuses a parameter of that name"
            advice = "an application whose name begins with aws puts another word in front of it, such as /copilot/"
            emit(Event(EventKind.WARNING, one.service, f"{what}{where}", {"hint": advice}))


def made_by_addons(services: Sequence[Service], options: LocalOptions) -> Callable[[Wanted], bool]:
    """Whether a secret is one that the addon templates of these services make, by its name. Pure: nothing is made."""
    desired = [DesiredService(service=service, options=options) for service in services]
    asked = stacks_of([one for one in desired if one.needs_addons or one.needs_environment_addons])
    if not asked:
        return lambda _: False
    from emulator.aws.stacks.evaluator import Place, Template
    from emulator.aws.stacks.named_secrets import named_secrets

    templates = [Template(str(one["name"]), one["template"], one["parameters"], values=one["values"]) for one in asked]
    made = named_secrets(Place(options.account, options.region, partition(options.region)), templates)

    def is_made(wanted: Wanted) -> bool:
        name = wanted.name
        return name is not None and any((name.store, alias.partition(":")[0]) in made for alias in name.aliases)

    return is_made


def _asked(name: SecretName) -> str:
    return name.name if name.store == "ssm" else name.aliases[-1]


def _is_reserved(name: str) -> bool:
    return name.lstrip("/").lower().startswith(_RESERVED)


def _with_part(content: str | None, key: str, value: str) -> str:
    try:
        present = json.loads(content or "{}")
    except ValueError:
        present = {}
    return json.dumps({**(present if isinstance(present, dict) else {}), key: value})
