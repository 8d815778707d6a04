"""The foundation of a stack that stands alone: a VPC and a cluster are given, the rest is made or given."""

from __future__ import annotations

from emulator.render.cloudformation.foundations.foundation import (
    SUBNETS,
    Foundation,
    ListenerProtocol,
    LoadBalancerAttribute,
    target_ports,
)
from emulator.render.cloudformation.intrinsics import Fn, GetAtt, Ref, choose
from emulator.render.cloudformation.template import Properties

SSL_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
SERVICE_GROUP = "ServiceSecurityGroup"
LOAD_BALANCER_GROUP = "LoadBalancerSecurityGroup"
EVERYBODY = "0.0.0.0/0"


class OwnVpc(Foundation):
    """The stack has its security groups and, unless one is named, its load balancer."""

    def prepare(self) -> None:
        self._service_group()
        if self.service.load_balancer is None:
            return
        if self.imported:
            source = self.imported_security_group()
        else:
            source = GetAtt(LOAD_BALANCER_GROUP, "GroupId")
            self._load_balancer()
        self.admit(source, target_ports(self.service), "The load balancer reaches the tasks", "ServiceIngress")

    def vpc(self) -> object:
        return self.template.parameter("VpcId", "The VPC that the service runs in.", type="AWS::EC2::VPC::Id")

    def cluster(self) -> object:
        return self.template.parameter("ClusterName", "Name of the ECS cluster that the service runs in.")

    def environment_subnets(self) -> object:
        access = "public, as its manifest asks for" if self.service.network.placement == "public" else "private"
        return self.template.parameter("TaskSubnets", f"Subnets of the tasks: {access}.", type=SUBNETS)

    def load_balancer_subnets(self) -> object:
        return self.template.parameter(
            "LoadBalancerSubnets", "Subnets of the load balancer, in two zones at least.", type=SUBNETS
        )

    def security_groups(self, *, everywhere: bool = False) -> list[object]:
        groups: list[object] = [GetAtt(SERVICE_GROUP, "GroupId")]
        if self.service.network.environment_security_group or everywhere:
            shared = self.template.parameter(
                "EnvironmentSecurityGroup",
                "A security group that all services of the environment are in, so that they reach each other. Empty: "
                "none.",
                default="",
            )
            groups.append(self.optional(shared, shared))
        return groups

    def namespace_id(self) -> object:
        return choose(self._creates_namespace(), Ref("Namespace"), Ref("NamespaceId"))

    def connect_namespace(self, name: str) -> object:
        return choose(self._creates_namespace(), GetAtt("Namespace", "Arn"), name)

    def listener(self, protocol: ListenerProtocol) -> object:
        return self.imported_listener(protocol) if self.imported else Ref(f"{protocol}Listener")

    def load_balancer(self, attribute: LoadBalancerAttribute) -> object:
        return self.imported_attribute(attribute) if self.imported else GetAtt(self._name, attribute)

    def managed_file_system(self) -> object:
        return self.template.parameter(
            "FileSystemId",
            "Id of an EFS file system with a mount target in each subnet of the tasks, which lets "
            f"{SERVICE_GROUP} in on port 2049.",
        )

    def hosted_zone(self) -> object:
        domain = self.service.load_balancer.domain if self.service.load_balancer else None
        below = f" of {self.service.environment}.{self.service.app}.{domain}" if domain else ""
        return self.template.parameter(
            "HostedZoneId", f"The public hosted zone{below}.", type="AWS::Route53::HostedZone::Id"
        )

    def internal_hosted_zone(self) -> object | None:
        return None

    def admit(self, source: object, ports: list[tuple[str, int]], description: str, name: str) -> None:
        for protocol, port in ports:
            self.template.resource(
                f"{name}{port}{'' if protocol == 'tcp' else protocol}",
                "AWS::EC2::SecurityGroupIngress",
                {
                    "GroupId": GetAtt(SERVICE_GROUP, "GroupId"),
                    "Description": description,
                    "SourceSecurityGroupId": source,
                    "IpProtocol": protocol,
                    "FromPort": port,
                    "ToPort": port,
                },
            )

    def admit_network(self, source: object, ports: list[tuple[str, int]]) -> None:
        self.admit(source, ports, "The network load balancer reaches the tasks", "NLBIngress")

    def environment_export(self, name: str) -> object | None:
        match name:
            case "VpcId":
                return self.vpc()
            case "ClusterId":
                return self.cluster()
            case "EnvironmentSecurityGroup":
                return GetAtt(SERVICE_GROUP, "GroupId")
            case "ServiceDiscoveryNamespaceID":
                return self.namespace_id()
            case "PublicSubnets" | "PrivateSubnets":
                kind = name.removesuffix("Subnets").lower()
                described = f"The {kind} subnets of the VPC, in two zones at least, for the addons."
                return Fn("Join", [",", self.template.parameter(name, described, type=SUBNETS)])
            case _:
                return None

    @property
    def _name(self) -> str:
        return "InternalLoadBalancer" if self.balancer().scheme == "internal" else "PublicLoadBalancer"

    def _service_group(self) -> None:
        self.template.resource(
            SERVICE_GROUP,
            "AWS::EC2::SecurityGroup",
            {
                "GroupDescription": f"Tasks of {self.service.name} in {self.service.app}-{self.service.environment}",
                "VpcId": self.vpc(),
            },
            comment="The tasks' own security group; only the sources allowed below reach them.",
        )

    def _load_balancer(self) -> None:
        template, internal = self.template, self.balancer().scheme == "internal"
        position = self.service.positions.get("http")
        clients: object = EVERYBODY
        if internal:
            clients = template.parameter(
                "ClientCidr", "Addresses from which the internal load balancer is reached.", default="10.0.0.0/8"
            )
        https = any(rule.listener == "HTTPS" for rule in self.service.listener_rules)
        template.resource(
            LOAD_BALANCER_GROUP,
            "AWS::EC2::SecurityGroup",
            {
                "GroupDescription": f"Load balancer of {self.service.name}",
                "VpcId": self.vpc(),
                "SecurityGroupIngress": [
                    {
                        "CidrIp": clients,
                        "Description": f"Clients on port {port}",
                        "IpProtocol": "tcp",
                        "FromPort": port,
                        "ToPort": port,
                    }
                    for port in ([80, 443] if https else [80])
                ],
            },
        )
        template.resource(
            self._name,
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            {
                "Type": "application",
                "Scheme": "internal" if internal else "internet-facing",
                "Subnets": self.load_balancer_subnets(),
                "SecurityGroups": [GetAtt(LOAD_BALANCER_GROUP, "GroupId")],
            },
            comment="The load balancer, of this service alone. To share one between services, name it: `http.alb`, or "
            "`load_balancer` in copilot-local.toml.",
            position=position,
        )
        self._listener("HTTP", 80, {})
        if https:
            self._https_listener()
        template.output("LoadBalancerDNSName", GetAtt(self._name, "DNSName"), "DNS name of the load balancer.")

    def _https_listener(self) -> None:
        first, *more = self.balancer().certificates or [""]
        certificate: object = first
        if not first:
            certificate = self.template.parameter(
                "CertificateArn", "ARN of the certificate, in this region, for the service's domain names."
            )
        self._listener("HTTPS", 443, {"SslPolicy": SSL_POLICY, "Certificates": [{"CertificateArn": certificate}]})
        if more:
            self.template.resource(
                "ListenerCertificates",
                "AWS::ElasticLoadBalancingV2::ListenerCertificate",
                {"ListenerArn": Ref("HTTPSListener"), "Certificates": [{"CertificateArn": arn} for arn in more]},
            )

    def _listener(self, protocol: ListenerProtocol, port: int, more: Properties) -> None:
        self.template.resource(
            f"{protocol}Listener",
            "AWS::ElasticLoadBalancingV2::Listener",
            {
                "LoadBalancerArn": Ref(self._name),
                "Port": port,
                "Protocol": protocol,
                **more,
                "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
            },
            comment="What no rule matches is answered by 503, as by Copilot's empty default target group.",
        )

    def _creates_namespace(self) -> str:
        template = self.template
        template.parameter(
            "NamespaceId",
            "Id of the private DNS namespace in Cloud Map that the environment's services share. Empty: this stack "
            "makes it.",
            default="",
        )
        condition = template.condition("CreatesNamespace", Fn("Equals", [Ref("NamespaceId"), ""]))
        if "Namespace" not in template.resources:
            service = self.service
            name = service.connect.namespace if service.connect else service.discovery and service.discovery.namespace
            template.resource(
                "Namespace",
                "AWS::ServiceDiscovery::PrivateDnsNamespace",
                {"Name": name or f"{service.environment}.{service.app}.local", "Vpc": self.vpc()},
                comment="The environment's names; a second service of the environment is given its id.",
                condition=condition,
            )
            template.output(
                "NamespaceId", Ref("Namespace"), "The private DNS namespace, for other stacks.", condition=condition
            )
        return condition
