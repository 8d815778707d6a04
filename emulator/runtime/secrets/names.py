"""What `valueFrom` and `credentialsParameter` name: a parameter of SSM, or (a part of) a secret of Secrets Manager.

Source: the ECS developer guide, "Pass sensitive data to an Amazon ECS container" and "Using non-AWS container images".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from emulator.errors import InputError
from emulator.regions import LOCAL_ACCOUNT

_SUFFIX = re.compile(r"-(?=[A-Za-z0-9]{6}\Z)(?=.*[A-Z0-9])[A-Za-z0-9]{6}\Z")


@dataclass(frozen=True, slots=True)
class SecretName:
    """A parameter or a secret. `id` is what AWS is asked for, in `region`; the last three are Secrets Manager's."""

    store: Literal["ssm", "secretsmanager"]
    region: str
    id: str
    name: str
    """Without region and account."""
    json_key: str = ""
    version_stage: str = ""
    version_id: str = ""

    @property
    def aliases(self) -> tuple[str, ...]:
        """What the whole secret may be called on this machine, the most exact first."""
        plain = _SUFFIX.sub("", self.name) if self.store == "secretsmanager" and self.id.startswith("arn:") else ""
        return tuple(dict.fromkeys(name for name in (self.id, self.name, plain) if name))

    @property
    def variable(self) -> str:
        """The last of the aliases as the name of a variable: `prod/docker-hub` is PROD_DOCKER_HUB."""
        return re.sub(r"[^A-Z0-9]+", "_", self.aliases[-1].upper()).strip("_") if self.aliases else ""


def parse_secret(text: str, region: str, *, login: bool = False) -> SecretName:
    """Reads a name or an ARN. A plain name is a parameter's; that of a registry's `login` a secret's.

    Raises InputError for an ARN of something else, and for one of a secret that is cut wrongly.
    """
    if not text.startswith("arn:"):
        return SecretName("secretsmanager" if login else "ssm", region, text, text)
    parts = text.split(":", 5)
    service, where, account, resource = parts[2:] if len(parts) == 6 else ("", "", "", "")
    if service == "ssm" and resource.startswith("parameter/") and not login:
        name = resource.removeprefix("parameter/")
        # Names with levels begin with a slash, which their ARN does not repeat.
        name = f"/{name}" if "/" in name else name
        return SecretName("ssm", where or region, name if account == LOCAL_ACCOUNT else text, name)
    if service == "secretsmanager" and resource.startswith("secret:"):
        fields = resource.split(":")
        if len(fields) in (2, 5) and fields[1]:
            name, *rest = fields[1:]
            key, stage, version = rest or ("", "", "")
            id = name if account == LOCAL_ACCOUNT else ":".join([*parts[:5], "secret", name])
            return SecretName("secretsmanager", where or region, id, name, key, stage, version)
        raise InputError(
            f"{text} is not the ARN of a secret: unexpected ARN format",
            hint="…:secret:NAME, or …:secret:NAME:JSON-KEY:VERSION-STAGE:VERSION-ID, where the last three may be empty",
        )
    kind = "a secret" if login else "a parameter or a secret"
    raise InputError(
        f"{text} is not the ARN of {kind}", hint="give the ARN of one, in SSM or Secrets Manager" if not login else ""
    )
