"""Every operation of ECS: those that are answered, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from emulator.api.clusters import Clusters
from emulator.api.exec.operation import execute_command
from emulator.api.operations import (
    capacity,
    clusters,
    creations,
    definitions,
    hooks,
    protection,
    runs,
    services,
    settings,
    tags,
    tasks,
)

Operation = Callable[[Clusters, Mapping[str, Any]], dict[str, Any]]

OPERATIONS: Final[Mapping[str, Operation]] = {
    "ContinueServiceDeployment": hooks.continue_service_deployment,
    "CreateCapacityProvider": capacity.create_capacity_provider,
    "CreateCluster": clusters.create_cluster,
    "CreateService": creations.create_service,
    "DeleteCapacityProvider": capacity.delete_capacity_provider,
    "DeleteCluster": clusters.delete_cluster,
    "DeleteService": creations.delete_service,
    "DeleteAccountSetting": settings.delete_account_setting,
    "DeleteTaskDefinitions": definitions.delete_task_definitions,
    "DeregisterTaskDefinition": definitions.deregister_task_definition,
    "DescribeCapacityProviders": capacity.describe_capacity_providers,
    "DescribeClusters": clusters.describe_clusters,
    "DescribeContainerInstances": clusters.describe_container_instances,
    "DescribeServiceDeployments": services.describe_service_deployments,
    "DescribeServiceRevisions": services.describe_service_revisions,
    "DescribeServices": services.describe_services,
    "DescribeTaskDefinition": definitions.describe_task_definition,
    "DescribeTasks": tasks.describe_tasks,
    "DiscoverPollEndpoint": settings.discover_poll_endpoint,
    "ExecuteCommand": execute_command,
    "GetTaskProtection": protection.get_task_protection,
    "ListAccountSettings": settings.list_account_settings,
    "ListClusters": clusters.list_clusters,
    "ListContainerInstances": clusters.list_container_instances,
    "ListServiceDeployments": services.list_service_deployments,
    "ListServices": services.list_services,
    "ListTagsForResource": tags.list_tags_for_resource,
    "ListTaskDefinitionFamilies": definitions.list_task_definition_families,
    "ListTaskDefinitions": definitions.list_task_definitions,
    "ListTasks": tasks.list_tasks,
    "PutAccountSetting": settings.put_account_setting,
    "PutAccountSettingDefault": settings.put_account_setting_default,
    "PutClusterCapacityProviders": settings.put_cluster_capacity_providers,
    "RegisterTaskDefinition": definitions.register_task_definition,
    "RunTask": runs.run_task,
    "StopServiceDeployment": hooks.stop_service_deployment,
    "StopTask": tasks.stop_task,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "UpdateCapacityProvider": capacity.update_capacity_provider,
    "UpdateCluster": settings.update_cluster,
    "UpdateClusterSettings": settings.update_cluster_settings,
    "UpdateService": services.update_service,
    "UpdateTaskProtection": protection.update_task_protection,
}
