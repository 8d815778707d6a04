"""Values of secrets from AWS, as the task's execution role would get them: SSM and Secrets Manager.

Asked through botocore, where it is installed, with the credentials that the AWS command line would take. What comes
back is kept in memory only. Source: the ECS agent's SSM and Secrets Manager clients.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from emulator.errors import InputError, Unsupported
from emulator.runtime.secrets.content import part_of
from emulator.runtime.secrets.failures import FROM_ASM, FROM_SSM, LOGIN_FROM_ASM
from emulator.runtime.secrets.names import SecretName
from emulator.runtime.secrets.wanted import Wanted

BATCH = 10
"""Parameters that SSM gives in one answer, at most."""
AT_ONCE = 8
Key = tuple[str, ...]


def fetch(
    wanted: Sequence[Wanted], variables: Mapping[str, str], profile: str, kept: dict[Key, str]
) -> tuple[dict[Wanted, str], dict[Wanted, str]]:
    """The values, and for those that have none why, in ECS's words. `kept` has what AWS said before.

    Raises Unsupported where botocore is not installed, InputError where there are no credentials to ask with.
    """
    whys: dict[Key, str] = {}
    found: dict[Wanted, str] = {}
    refused = {one: f"{one.text} is known only when deployed" for one in wanted if one.name is None}
    names = [one.name for one in wanted if one.name is not None and _key(one.name) not in kept]
    if names:
        client = _clients(variables, profile)
        whys = _ask(names, client, kept)
    for one in wanted:
        if one.name is None:
            continue
        key = _key(one.name)
        if key not in kept:
            refused[one] = _start(one) + whys[key]
            continue
        value, why = part_of(one, kept[key])
        if value is None:
            refused[one] = why
        else:
            found[one] = value
    return found, refused


def _start(wanted: Wanted) -> str:
    assert wanted.name is not None
    if wanted.name.store == "ssm":
        return FROM_SSM
    if wanted.kind == "login":
        return f"{LOGIN_FROM_ASM}asm fetching secret from the service for {wanted.name.id}: "
    return f"{FROM_ASM}failed to fetch secret {wanted.name.id} from secrets manager: "


def _key(name: SecretName) -> Key:
    return (name.store, name.region, name.id, name.version_stage, name.version_id)


def _ask(names: Iterable[SecretName], client: Callable[[str, str], Any], kept: dict[Key, str]) -> dict[Key, str]:
    """Asks for each once, side by side; puts what comes into `kept` and returns why the others did not."""
    parameters: dict[str, dict[str, Key]] = defaultdict(dict)
    secrets: dict[Key, SecretName] = {}
    for name in names:
        if name.store == "ssm":
            parameters[name.region][name.id] = _key(name)
        else:
            secrets[_key(name)] = name
    jobs: list[Callable[[], dict[Key, str]]] = []
    for region, wanted in parameters.items():
        ids = sorted(wanted)
        for start in range(0, len(ids), BATCH):
            batch = {id: wanted[id] for id in ids[start : start + BATCH]}
            jobs.append(_parameters(client("ssm", region), region, batch, kept))
    jobs += [_secret(client("secretsmanager", name.region), name, kept) for name in secrets.values()]
    whys: dict[Key, str] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="secrets") as pool:
        for answer in pool.map(lambda job: job(), jobs):
            whys |= answer
    return whys


def _parameters(ssm: Any, region: str, batch: dict[str, Key], kept: dict[Key, str]) -> Callable[[], dict[Key, str]]:
    def ask() -> dict[Key, str]:
        where = f"fetching secret data from SSM Parameter Store in {region}: "
        answer, why = _call(lambda: ssm.get_parameters(Names=list(batch), WithDecryption=True))
        if why:
            return dict.fromkeys(batch.values(), where + why)
        for parameter in answer["Parameters"]:
            # Asked for by ARN, SSM answers with the name; it says the ARN too.
            for said in (parameter["Name"], parameter.get("ARN", "")):
                if said in batch:
                    kept[batch[said]] = parameter["Value"]
        invalid = [id for id, key in batch.items() if key not in kept]
        return {batch[id]: f"{where}invalid parameters: {','.join(invalid)}" for id in invalid}

    return ask


def _secret(manager: Any, name: SecretName, kept: dict[Key, str]) -> Callable[[], dict[Key, str]]:
    def ask() -> dict[Key, str]:
        which = {"VersionStage": name.version_stage, "VersionId": name.version_id}
        given = {field: value for field, value in which.items() if value}
        answer, why = _call(lambda: manager.get_secret_value(SecretId=name.id, **given))
        if why:
            return {_key(name): why}
        if "SecretString" not in answer:
            return {_key(name): "it holds binary data, which ECS does not support"}
        kept[_key(name)] = answer["SecretString"]
        return {}

    return ask


def _call(act: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """What a call answers, or AWS's words about why not."""
    exceptions = importlib.import_module("botocore.exceptions")
    try:
        return act(), ""
    except exceptions.ClientError as error:
        said = error.response["Error"]
        return {}, f"{said.get('Code', '')}: {said.get('Message', '')}"
    except exceptions.BotoCoreError as error:
        return {}, str(error)


def _clients(variables: Mapping[str, str], profile: str) -> Callable[[str, str], Any]:
    """Makes one client for each service and region, with the credentials that the AWS command line would take."""
    try:
        sessions = importlib.import_module("botocore.session")
        config = importlib.import_module("botocore.config")
        exceptions = importlib.import_module("botocore.exceptions")
    except ImportError:
        raise Unsupported(
            "secrets are to come from AWS, and botocore, which asks it, is not installed",
            hint="install botocore beside copilot-local, or give the values yourself: .copilot-local/secrets.env",
        ) from None
    keys = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    named = profile or (variables.get("AWS_PROFILE", "") if not all(keys) else "")
    session = sessions.Session(profile=named or None)
    try:
        if not named and all(keys):
            session.set_credentials(*keys, variables.get("AWS_SESSION_TOKEN") or None)
        if session.get_credentials() is None:
            raise InputError(
                "secrets are to come from AWS, and there are no credentials to ask it with",
                hint="`aws configure` or `aws sso login`, AWS_PROFILE, or `profile` in [secrets] of copilot-local.toml",
            )
    except exceptions.BotoCoreError as error:
        raise InputError(
            f"secrets are to come from AWS, which cannot be asked: {error}",
            hint=f"`aws sts get-caller-identity{f' --profile {named}' if named else ''}` shows more",
        ) from None
    settings = config.Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 3, "mode": "standard"})
    made: dict[tuple[str, str], Any] = {}

    def client(service: str, region: str) -> Any:
        if (service, region) not in made:
            address = variables.get(f"AWS_ENDPOINT_URL_{_ENDPOINTS[service]}") or variables.get("AWS_ENDPOINT_URL")
            made[service, region] = session.create_client(
                service, region_name=region, endpoint_url=address or None, config=settings
            )
        return made[service, region]

    return client


_ENDPOINTS = {"ssm": "SSM", "secretsmanager": "SECRETS_MANAGER"}
