"""The addresses under which a task finds its metadata and credentials, and the variables that tell it.

Source: the ECS developer guide on the task metadata endpoint and on task IAM roles; the variables of a container on
Fargate's platform 1.4.
"""

from __future__ import annotations

import uuid

ADDRESS = "169.254.170.2"
"""The link-local address that ECS serves metadata and credentials on, port 80."""

CREDENTIALS_PATH = "/v2/credentials"
_CREDENTIALS = uuid.UUID("6f3d9a52-3f0e-5b68-9a0c-5f3d0f4f9a11")


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
    """The id of a task's credentials, a UUID as on ECS. Always the same for a task, so that nobody has to keep it."""
    return str(uuid.uuid5(_CREDENTIALS, task_id))


def dns_domain(region: str) -> str:
    """The domain of private host names in a region's networks."""
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def private_dns_name(task_id: str, region: str) -> str:
    """The host name of a task. Fargate's holds the task's address, which is not known here before the task runs."""
    return f"ip-{task_id[:8]}.{dns_domain(region)}"
