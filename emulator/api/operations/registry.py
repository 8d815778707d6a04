"""Every operation of ECS: those that are answered, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from emulator.api.clusters import Clusters
from emulator.api.exec.operation import execute_command
from emulator.api.operations import clusters, definitions, protection, services, tasks

Operation = Callable[[Clusters, Mapping[str, Any]], dict[str, Any]]

OPERATIONS: Final[Mapping[str, Operation]] = {
    "DeleteTaskDefinitions": definitions.delete_task_definitions,
    "DeregisterTaskDefinition": definitions.deregister_task_definition,
    "DescribeClusters": clusters.describe_clusters,
    "DescribeServiceDeployments": services.describe_service_deployments,
    "DescribeServices": services.describe_services,
    "DescribeTaskDefinition": definitions.describe_task_definition,
    "DescribeTasks": tasks.describe_tasks,
    "ExecuteCommand": execute_command,
    "GetTaskProtection": protection.get_task_protection,
    "ListClusters": clusters.list_clusters,
    "ListContainerInstances": clusters.list_container_instances,
    "ListServiceDeployments": services.list_service_deployments,
    "ListServices": services.list_services,
    "ListTagsForResource": clusters.list_tags_for_resource,
    "ListTaskDefinitionFamilies": definitions.list_task_definition_families,
    "ListTaskDefinitions": definitions.list_task_definitions,
    "ListTasks": tasks.list_tasks,
    "RegisterTaskDefinition": definitions.register_task_definition,
    "StopTask": tasks.stop_task,
    "UpdateTaskProtection": protection.update_task_protection,
    "UpdateService": services.update_service,
}
