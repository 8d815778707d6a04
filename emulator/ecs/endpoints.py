"""The addresses under which a task finds its metadata and credentials, and the variables that tell it.

Source: the ECS developer guide on the task metadata endpoint and on task IAM roles; the variables of a container on
Fargate's platform 1.4.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid

ADDRESS = "169.254.170.2"
"""The link-local address that ECS serves metadata and credentials on, port 80."""

CREDENTIALS_PATH = "/v2/credentials"
_KEY = secrets.token_bytes(32)
"""Of this process: a task keeps the id that it was given, and what tells that id is on its containers."""


def metadata_variables(container_id: str) -> dict[str, str]:
    """What a container learns about the metadata endpoint; `container_id` is its id as Fargate gives it."""
    base = f"http://{ADDRESS}"
    return {
        "ECS_CONTAINER_METADATA_URI": f"{base}/v3/{container_id}",
        "ECS_CONTAINER_METADATA_URI_V4": f"{base}/v4/{container_id}",
        "ECS_AGENT_URI": f"{base}/api/{container_id}",
    }


def credentials_variables(task_id: str) -> dict[str, str]:
    """What the containers of a task that has credentials learn about them."""
    return {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f"{CREDENTIALS_PATH}/{credentials_id(task_id)}"}


def credentials_id(task_id: str) -> str:
    """The id of a task's credentials, a UUID as on ECS: the same for a task as long as this process lives, and not to
    be guessed by another task."""
    return str(uuid.UUID(bytes=hmac.digest(_KEY, task_id.encode(), "sha256")[:16], version=4))


def credentials_digest(id: str) -> str:
    """What tells the id of credentials where that itself is not to be read."""
    return hashlib.sha256(id.encode()).hexdigest()[:32]


def dns_domain(region: str) -> str:
    """The domain of private host names in a region's networks."""
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def private_dns_name(task_id: str, region: str) -> str:
    """The host name of a task. Fargate's holds the task's address, which is not known here before the task runs."""
    return f"ip-{task_id[:8]}.{dns_domain(region)}"
