"""Who a task is: the names, ids and ARNs that ECS gives it.

Sources: the ECS developer guide (ARN formats, task metadata endpoint) and records that Fargate's platform 1.4 wrote.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from emulator.regions import DEFAULT_REGION, LOCAL_ACCOUNT, partition


@dataclass(frozen=True, slots=True)
class TaskIdentity:
    """One task. `cluster` is the cluster's name, not its ARN; `ec2_instance_id` is None on Fargate."""

    cluster: str
    task_arn: str
    task_id: str
    family: str
    revision: int = 1
    region: str = DEFAULT_REGION
    ec2_instance_id: str | None = None

    @property
    def task_definition(self) -> str:
        """`family:revision`."""
        return f"{self.family}:{self.revision}"

    def container_id(self, container: str) -> str:
        """The id that Fargate gives a container of this task."""
        return container_id(self.task_id, container)


def task_identity(
    *,
    cluster: str,
    family: str,
    task_id: str | None = None,
    revision: int = 1,
    region: str = DEFAULT_REGION,
    account_id: str = LOCAL_ACCOUNT,
    ec2_instance_id: str | None = None,
) -> TaskIdentity:
    """The identity of a task, a new one unless `task_id` is given."""
    task_id = task_id or new_task_id()
    return TaskIdentity(
        cluster=cluster,
        task_arn=task_arn(region, cluster, task_id, account_id),
        task_id=task_id,
        family=family,
        revision=revision,
        region=region,
        ec2_instance_id=ec2_instance_id,
    )


def new_task_id() -> str:
    """32 lower-case hexadecimal digits, as ECS makes them."""
    return secrets.token_hex(16)


def ecs_arn(region: str, resource: str, account_id: str = LOCAL_ACCOUNT) -> str:
    """The ARN of an ECS resource such as `cluster/demo`."""
    return f"arn:{partition(region)}:ecs:{region}:{account_id}:{resource}"


def cluster_arn(region: str, cluster: str, account_id: str = LOCAL_ACCOUNT) -> str:
    """The ARN of a cluster."""
    return ecs_arn(region, f"cluster/{cluster}", account_id)


def task_arn(region: str, cluster: str, task_id: str, account_id: str = LOCAL_ACCOUNT) -> str:
    """The ARN of a task, in the long format that holds the cluster's name."""
    return ecs_arn(region, f"task/{cluster}/{task_id}", account_id)


def task_definition_arn(region: str, family: str, revision: int, account_id: str = LOCAL_ACCOUNT) -> str:
    """The ARN of a revision of a task definition."""
    return ecs_arn(region, f"task-definition/{family}:{revision}", account_id)


def service_arn(region: str, cluster: str, service: str, account_id: str = LOCAL_ACCOUNT) -> str:
    """The ARN of a service, in the long format."""
    return ecs_arn(region, f"service/{cluster}/{service}", account_id)


def fnv1a_32(text: str) -> int:
    """The 32-bit FNV-1a hash of a text's UTF-8 bytes."""
    digest = 0x811C9DC5
    for byte in text.encode():
        digest = (digest ^ byte) * 0x01000193 & 0xFFFFFFFF
    return digest


def container_id(task_id: str, container: str) -> str:
    """The id that Fargate gives a container: the task's id and a hash of the container's name.

    Seen in public log records of platform 1.4; AWS does not promise it.
    """
    return f"{task_id}-{fnv1a_32(container)}"


def container_arn(task_arn: str, container: str) -> str:
    """The ARN of a container of a task; its last part is a UUID, here always the same for the same container."""
    return f"{task_arn.replace(':task/', ':container/')}/{uuid.uuid5(uuid.NAMESPACE_URL, f'{task_arn}/{container}')}"
