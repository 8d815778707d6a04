"""The foundation of a stack in an environment that Copilot made, or one that is rendered: what it exports, or
parameters for what older versions of Copilot do not export. Source: Copilot's environment template
(`internal/pkg/template/templates/environment`)."""

from __future__ import annotations

from emulator.render.cloudformation.foundations.foundation import Foundation, ListenerProtocol, LoadBalancerAttribute
from emulator.render.cloudformation.intrinsics import Fn, Sub, import_value, split

_ATTRIBUTES = {
    "DNSName": "DNSName",
    "CanonicalHostedZoneID": "HostedZone",
    "LoadBalancerFullName": "FullName",
}
_EXPORTS = {
    "PublicLoadBalancerDNSName": "PublicLoadBalancerDNS",
    "PublicLoadBalancerHostedZone": "CanonicalHostedZoneID",
    "InternalLoadBalancerDNSName": "InternalLoadBalancerDNS",
    "InternalLoadBalancerHostedZone": "InternalLoadBalancerCanonicalHostedZoneID",
    "ManagedFileSystemID": "FilesystemID",
    "InternalWorkloadsHostedZone": "InternalWorkloadsHostedZoneID",
}
"""Outputs of the environment's stack that are exported by another name than their own."""


class CopilotEnvironment(Foundation):
    """Everything is there already."""

    def prepare(self) -> None:
        if self.imported:
            self.admit(
                self.imported_security_group(),
                [],
                "Ingress from the imported ALB",
                "EnvironmentSecurityGroupIngressFromImportedALB",
            )

    def vpc(self) -> object:
        return self._export("VpcId")

    def cluster(self) -> object:
        return self._export("ClusterId")

    def environment_subnets(self) -> object:
        public = self.service.network.placement == "public"
        return split(",", self._export("PublicSubnets" if public else "PrivateSubnets"))

    def load_balancer_subnets(self) -> object:
        return split(",", self._export("PublicSubnets"))

    def security_groups(self, *, everywhere: bool = False) -> list[object]:
        if self.service.network.environment_security_group or everywhere:
            return [self._export("EnvironmentSecurityGroup")]
        return []

    def namespace_id(self) -> object:
        return self._export("ServiceDiscoveryNamespaceID")

    def connect_namespace(self, name: str) -> object:
        return name

    def listener(self, protocol: ListenerProtocol) -> object:
        if self.imported:
            return self.imported_listener(protocol)
        internal = "Internal" if self._internal else ""
        what = (
            f"ARN of the {protocol} listener of the environment's {'internal' if internal else 'public'} load balancer"
        )
        return self._output(f"{internal}{protocol}ListenerArn", what)

    def load_balancer(self, attribute: LoadBalancerAttribute) -> object:
        if self.imported:
            return self.imported_attribute(attribute)
        kind = "Internal" if self._internal else "Public"
        return self._output(
            f"{kind}LoadBalancer{_ATTRIBUTES[attribute]}",
            f"{attribute} of the environment's {kind.lower()} load balancer",
        )

    def managed_file_system(self) -> object:
        return self._output("ManagedFileSystemID", "Id of the environment's own EFS file system")

    def hosted_zone(self) -> object:
        return self._export("HostedZone")

    def internal_hosted_zone(self) -> object | None:
        return self._output("InternalWorkloadsHostedZone", "Id of the environment's private hosted zone")

    def admit(self, source: object, ports: list[tuple[str, int]], description: str, name: str) -> None:
        """The whole environment group is opened for everything, as Copilot does."""
        del ports
        self._ingress(source, name, Description=description)

    def admit_network(self, source: object, ports: list[tuple[str, int]]) -> None:
        del ports
        self._ingress(source, "EnvironmentSecurityGroupIngressFromNetworkLoadBalancerSecurityGroup")

    def export_name(self, output: str) -> object:
        """As Copilot exports outputs of a workload's stack, which other stacks may import."""
        return Sub(f"${{AWS::StackName}}-{output}")

    def _ingress(self, source: object, name: str, **more: object) -> None:
        self.template.resource(
            name,
            "AWS::EC2::SecurityGroupIngress",
            {
                "GroupId": self._export("EnvironmentSecurityGroup"),
                **more,
                "SourceSecurityGroupId": source,
                "IpProtocol": "-1",
            },
        )

    @property
    def _internal(self) -> bool:
        return self.balancer().scheme == "internal"

    @property
    def _environment(self) -> str:
        return f"{self.service.app}-{self.service.environment}"

    def _export(self, name: str) -> Fn:
        return import_value(f"{self._environment}-{name}")

    def _output(self, name: str, what: str) -> object:
        """An output of the environment's stack that Copilot did not export from the beginning."""
        if not self.options.environment_parameters:
            return self._export(_EXPORTS.get(name, name))
        return self.template.parameter(
            name,
            f"{what}. Find it with: aws cloudformation describe-stacks --stack-name {self._environment} "
            f"--query \"Stacks[0].Outputs[?OutputKey=='{name}'].OutputValue\" --output text",
        )
