"""AWS credentials for tasks: what the command line finds on this machine and hands to the agent, in memory only.

A profile is read from the AWS command line's own two files. What needs more than keys that stand there (SSO, a
credential process, MFA) is asked of botocore where that is installed, and refused where it is not.
Sources: the AWS CLI user guide on configuration files, the SDK reference guide on shared credentials.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path

from emulator.errors import InputError, Unsupported, UsageError
from emulator.files import read_text
from emulator.runtime.state.task_role import Keys, TaskRole
from emulator.settings import CredentialSettings


def chosen(option: str | None, settings: CredentialSettings) -> CredentialSettings:
    """The settings, or what `--credentials` says instead: `none`, `static`, `profile[=NAME]` or `role=ARN`.

    Raises UsageError for anything else.
    """
    if option is None:
        return settings
    source, _, value = option.partition("=")
    match source, value:
        case "none" | "static", "":
            return CredentialSettings(source="none" if source == "none" else "static")
        case "profile", name:
            return CredentialSettings(source="profile", profile=name or settings.profile)
        case "role", arn if arn or settings.role_arn:
            return CredentialSettings(source="role", role_arn=arn or settings.role_arn, profile=settings.profile)
    raise UsageError(
        f"--credentials does not know {option!r}",
        hint="none, static (the shell's AWS_ACCESS_KEY_ID), profile=NAME or role=ARN",
    )


def task_role(settings: CredentialSettings, variables: Mapping[str, str], region: str) -> TaskRole | None:
    """The source that the settings name, read now; None for none. `variables` are the shell's and those of `.env`.

    Raises InputError where keys or a profile are missing, Unsupported for a profile that only botocore could resolve.
    """
    sts = variables.get("AWS_ENDPOINT_URL_STS") or variables.get("AWS_ENDPOINT_URL") or ""
    match settings.source:
        case "none":
            return None
        case "static":
            return TaskRole(source="static", keys=_from_variables(variables), region=region)
        case "profile":
            name = settings.profile or variables.get("AWS_PROFILE") or "default"
            return _from_profile(name, variables, region, sts)
        case "role":
            if not settings.role_arn:
                raise InputError(
                    "[credentials] source is role, but role_arn is missing",
                    hint='role_arn = "arn:aws:iam::123456789012:role/NAME", or --credentials role=ARN',
                )
            name = settings.profile or variables.get("AWS_PROFILE") or ""
            if name or not variables.get("AWS_ACCESS_KEY_ID"):
                base = _from_profile(name or "default", variables, region, sts)
                if base.source == "role":
                    raise Unsupported(
                        f"profile {base.name} assumes a role itself: a chain of roles is not emulated",
                        hint="name a profile with keys in [credentials] profile",
                    )
                keys, name = base.keys, base.name
            else:
                keys = _from_variables(variables)
            return TaskRole(
                source="role", name=name, keys=keys, role_arn=settings.role_arn, region=region, sts_endpoint=sts
            )


def _from_variables(variables: Mapping[str, str]) -> Keys:
    found = [variables.get(name, "") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    if not all(found):
        raise InputError(
            "credentials are to come from the shell, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set",
            hint="export both, put them into .env, or choose another source with --credentials",
        )
    return Keys(
        access_key_id=found[0], secret_access_key=found[1], session_token=variables.get("AWS_SESSION_TOKEN", "")
    )


def _from_profile(name: str, variables: Mapping[str, str], region: str, sts: str) -> TaskRole:
    profiles = _profiles(variables)
    profile = profiles.get(name)
    if profile is None:
        raise InputError(
            f"there is no AWS profile {name}",
            hint=f"profiles here: {', '.join(sorted(profiles))}" if profiles else "`aws configure` makes one",
        )
    region = profile.get("region") or region
    if keys := _keys(profile):
        return TaskRole(source="profile", name=name, keys=keys, region=region)
    source = profile.get("source_profile", "")
    if profile.get("role_arn") and not profile.get("mfa_serial") and (keys := _keys(profiles.get(source, {}))):
        return TaskRole(
            source="role",
            name=source,
            keys=keys,
            role_arn=profile["role_arn"],
            external_id=profile.get("external_id", ""),
            region=region,
            sts_endpoint=sts,
        )
    return TaskRole(source="profile", name=name, keys=_from_botocore(name), region=region)


def _keys(profile: Mapping[str, str]) -> Keys | None:
    access_key_id, secret = profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")
    if not (access_key_id and secret):
        return None
    token = profile.get("aws_session_token", "")
    return Keys(access_key_id=access_key_id, secret_access_key=secret, session_token=token)


def _profiles(variables: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Every profile of both files; what stands in the credentials file wins."""
    home = Path(variables.get("HOME") or Path.home()) / ".aws"
    merged: dict[str, dict[str, str]] = {}
    for file, prefix in (
        (Path(variables.get("AWS_CONFIG_FILE") or home / "config"), "profile "),
        (Path(variables.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials"), ""),
    ):
        for section, values in _sections(file.expanduser()).items():
            if section == "default" or section.startswith(prefix):
                merged.setdefault(section.removeprefix(prefix).strip().strip("'\""), {}).update(values)
    return merged


def _sections(file: Path) -> dict[str, dict[str, str]]:
    import configparser  # takes longer to import than most commands have time for it

    parser = configparser.ConfigParser(interpolation=None, default_section="", strict=False)
    try:
        parser.read_string(read_text(file))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from None
    except configparser.Error as error:
        # The parser's message quotes the line, which may hold a key.
        line = getattr(error, "lineno", None) or (getattr(error, "errors", None) or [("?",)])[0][0]
        raise InputError(f"{file}:{line}: not a valid AWS configuration file") from None
    return {name: dict(parser[name]) for name in parser.sections()}


def _from_botocore(profile: str) -> Keys:
    try:
        session = importlib.import_module("botocore.session")
        exceptions = importlib.import_module("botocore.exceptions")
    except ImportError:
        raise Unsupported(
            f"the AWS profile {profile} has no keys of its own, and botocore, which could get them, is not installed",
            hint=f'run `eval "$(aws configure export-credentials --profile {profile} --format env)"` and use'
            " --credentials static, or install botocore beside copilot-local",
        ) from None
    try:
        found = session.Session(profile=profile).get_credentials()
        frozen = found.get_frozen_credentials() if found is not None else None
    except exceptions.BotoCoreError as error:
        raise InputError(
            f"the AWS profile {profile} gives no credentials: {error}",
            hint=f"`aws sts get-caller-identity --profile {profile}` shows more; an SSO session may have ended",
        ) from None
    if found is None or frozen is None:
        raise InputError(f"the AWS profile {profile} gives no credentials", hint=f"`aws configure --profile {profile}`")
    expiration = getattr(found, "_expiry_time", None)
    return Keys(
        access_key_id=frozen.access_key,
        secret_access_key=frozen.secret_key,
        session_token=frozen.token or "",
        expiration=expiration.astimezone(UTC) if expiration is not None else None,
    )
