"""One call to AWS: AssumeRole of the Security Token Service, signed by hand, since the AWS SDK is no dependency.

Sources: the STS API reference (AssumeRole, version 2011-06-15, Query protocol), the IAM user guide on Signature
Version 4.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import importlib
import ssl
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from datetime import UTC, datetime

from emulator.errors import TaskError
from emulator.regions import dns_suffix
from emulator.runtime.state.desired import Private
from emulator.runtime.state.task_role import Keys, TaskRole

TIMEOUT = 10.0
DURATION = 3600
"""Seconds that assumed credentials are valid: the most that a role may give whose session assumes it in turn."""
_NAMESPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"
_ALGORITHM = "AWS4-HMAC-SHA256"
_CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"


class AssumeRoleError(TaskError):
    """AWS did not let us assume a role, or could not be asked."""


def assume_role(role: TaskRole, session_name: str) -> Keys:
    """The role's temporary keys; on ECS the session's name is the task's id. Raises `AssumeRoleError`, AWS's words in
    it."""
    url = role.sts_endpoint or f"https://sts.{role.region}.{dns_suffix(role.region)}/"
    fields = {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": role.role_arn,
        "RoleSessionName": session_name,
        "DurationSeconds": str(DURATION),
    }
    if role.external_id:
        fields["ExternalId"] = role.external_id
    body = urllib.parse.urlencode(fields).encode()
    headers = signed_headers(url, body, role.keys, role.region, datetime.now(UTC))
    hint = "the role's trust policy must allow the identity that [credentials] names"
    try:
        request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")
        with urllib.request.urlopen(request, timeout=TIMEOUT, context=_trust()) as response:
            document = response.read()
    except urllib.error.HTTPError as error:
        with error:
            raise AssumeRoleError(f"{role.role_arn} cannot be assumed: {_refusal(error.read())}", hint=hint) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise AssumeRoleError(
            f"{role.role_arn} cannot be assumed: {url} does not answer: {reason}",
            hint="AWS_ENDPOINT_URL_STS names another address",
        ) from None
    return _keys(document, role.role_arn)


def check_roles(private: Private) -> None:
    """Assumes every role once, so that a role that cannot be assumed fails here and not inside a task. Raises
    `AssumeRoleError`."""
    for role in {role for role in private.task_roles.values() if role.source == "role"}:
        assume_role(role, "copilot-local")


def signed_headers(url: str, body: bytes, keys: Keys, region: str, now: datetime) -> Mapping[str, str]:
    """The headers of a POST to STS, signature included."""
    parts = urllib.parse.urlsplit(url)
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region}/sts/aws4_request"
    headers = {"content-type": _CONTENT_TYPE, "host": parts.netloc, "x-amz-date": moment}
    if keys.session_token:
        headers["x-amz-security-token"] = keys.session_token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join(["POST", parts.path or "/", "", lines, names, hashlib.sha256(body).hexdigest()])
    text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{keys.access_key_id}/{scope}"
    authorization = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": authorization}


def _keys(document: bytes, role_arn: str) -> Keys:
    try:
        found = ElementTree.fromstring(document).find(f".//{_NAMESPACE}Credentials")
        if found is not None:
            values = {child.tag.removeprefix(_NAMESPACE): child.text or "" for child in found}
            return Keys(
                access_key_id=values["AccessKeyId"],
                secret_access_key=values["SecretAccessKey"],
                session_token=values["SessionToken"],
                expiration=datetime.fromisoformat(values["Expiration"]).astimezone(UTC),
            )
    except (ElementTree.ParseError, KeyError, ValueError):
        pass
    raise AssumeRoleError(f"{role_arn} cannot be assumed: the answer of STS is not understood")


def _refusal(document: bytes) -> str:
    """`Code: message` of an error answer."""
    with contextlib.suppress(ElementTree.ParseError):
        error = ElementTree.fromstring(document).find(f".//{_NAMESPACE}Error")
        if error is not None:
            return f"{error.findtext(f'{_NAMESPACE}Code')}: {error.findtext(f'{_NAMESPACE}Message')}"
    return "STS refuses without a reason"


def _trust() -> ssl.SSLContext:
    """The system's certificate authorities, and certifi's where it is there: an image may have none of its own."""
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError):
        context.load_verify_locations(str(importlib.import_module("certifi").where()))
    return context
