"""What a stack stands on, the network, the cluster and the load balancer: asked for by meaning, given by parameters,
by the exports of an environment that Copilot made, or by resources of the stack itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from emulator.ecs.network import LoadBalancer
from emulator.ecs.service import Service
from emulator.render.cloudformation.intrinsics import Ref, choose, is_set
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.template import Template

ListenerProtocol = Literal["HTTP", "HTTPS"]
LoadBalancerAttribute = Literal["DNSName", "CanonicalHostedZoneID", "LoadBalancerFullName"]

SUBNETS = "List<AWS::EC2::Subnet::Id>"


class Foundation(ABC):
    """Gives the parts that the service's resources are put on. What is asked for is declared; nothing else is."""

    def __init__(self, template: Template, service: Service, options: StackOptions) -> None:
        self.template = template
        self.service = service
        self.options = options

    @abstractmethod
    def prepare(self) -> None:
        """Adds the resources that come before the service's own."""

    @abstractmethod
    def vpc(self) -> object:
        """The VPC's id."""

    @abstractmethod
    def cluster(self) -> object:
        """The cluster's name."""

    @abstractmethod
    def environment_subnets(self) -> object:
        """The subnets of tasks that ask for none in particular: a list."""

    @abstractmethod
    def load_balancer_subnets(self) -> object:
        """The public subnets: a list."""

    @abstractmethod
    def security_groups(self, *, everywhere: bool = False) -> list[object]:
        """The groups that every task is in; `everywhere`: even where the manifest denies the environment's own."""

    @abstractmethod
    def namespace_id(self) -> object:
        """The private DNS namespace's id."""

    @abstractmethod
    def connect_namespace(self, name: str) -> object:
        """The namespace of Service Connect, by name or ARN; `name` is the environment's."""

    @abstractmethod
    def listener(self, protocol: ListenerProtocol) -> object:
        """The ARN of a listener of the load balancer that the service is behind."""

    @abstractmethod
    def load_balancer(self, attribute: LoadBalancerAttribute) -> object:
        """An attribute of the load balancer that the service is behind."""

    @abstractmethod
    def managed_file_system(self) -> object:
        """The id of the file system for volumes with `efs: true`."""

    @abstractmethod
    def hosted_zone(self) -> object:
        """The id of the hosted zone that has the service's default name."""

    @abstractmethod
    def internal_hosted_zone(self) -> object | None:
        """The id of the private hosted zone of names behind the internal load balancer, None where there is none."""

    @abstractmethod
    def admit(self, source: object, ports: list[tuple[str, int]], description: str, name: str) -> None:
        """Lets a security group (of a load balancer) reach the tasks on ports, each with its protocol. `name` starts
        logical ids."""

    @abstractmethod
    def admit_network(self, source: object, ports: list[tuple[str, int]]) -> None:
        """The same for the security group of the network load balancer."""

    def export_name(self, output: str) -> object | None:
        """The name that an output of the stack is exported by; None: not at all."""
        del output
        return None

    def environment_export(self, name: str) -> object | None:
        """What takes the place of an export of Copilot's environment stack, by the export's name without the prefix;
        None where it stays an import."""
        del name
        return None

    @property
    def imported(self) -> bool:
        """Whether the load balancer is an existing one that is named."""
        return self.service.load_balancer is not None and self.service.load_balancer.imported is not None

    def balancer(self) -> LoadBalancer:
        """The application load balancer that the service asks for."""
        assert self.service.load_balancer is not None, "only asked for where there are rules"
        return self.service.load_balancer

    def subnets(self) -> object:
        """The subnets of the tasks: a list."""
        network = self.service.network
        if network.subnets:
            return list(network.subnets)
        if network.subnet_tags:
            filters = " ".join(
                f'"Name=tag:{tag},Values={",".join(values)}"' for tag, values in sorted(network.subnet_tags.items())
            )
            return self.template.parameter(
                "TaskSubnets",
                "Subnets of the tasks, which the manifest names by tags. Find them with: aws ec2 describe-subnets "
                f'--filters {filters} --query "Subnets[].SubnetId" --output text',
                type=SUBNETS,
            )
        return self.environment_subnets()

    def imported_listener(self, protocol: ListenerProtocol) -> object:
        """The listener of an existing load balancer."""
        named = self.balancer().imported or ""
        arn = named
        if not named.startswith("arn:"):  # describe-listeners takes no name
            query = f"--names {named} --query 'LoadBalancers[0].LoadBalancerArn' --output text"
            arn = f'"$(aws elbv2 describe-load-balancers {query})"'
        return self.template.parameter(
            f"{protocol}ListenerArn",
            f"ARN of the {protocol} listener of the load balancer {named}. Find it with: aws elbv2 describe-listeners "
            f"--load-balancer-arn {arn} --query \"Listeners[?Protocol=='{protocol}'].ListenerArn\" --output text",
        )

    def imported_attribute(self, attribute: LoadBalancerAttribute) -> object:
        """An attribute of an existing load balancer; its full name is the end of its ARN."""
        arn = self.balancer().imported or ""
        name, key = {
            "DNSName": ("LoadBalancerDNSName", "DNSName"),
            "CanonicalHostedZoneID": ("LoadBalancerHostedZone", "CanonicalHostedZoneId"),
            "LoadBalancerFullName": ("LoadBalancerFullName", "LoadBalancerArn"),
        }[attribute]
        full_name = arn.partition(":loadbalancer/")[2] or None
        where = f"--load-balancer-arns {arn}" if arn.startswith("arn:") else f"--names {arn}"
        note = ", the part after `loadbalancer/`" if attribute == "LoadBalancerFullName" else ""
        return self.template.parameter(
            name,
            f"{attribute} of the load balancer {arn}. Find it with: aws elbv2 describe-load-balancers {where} "
            f'--query "LoadBalancers[0].{key}" --output text{note}',
            default=full_name if attribute == "LoadBalancerFullName" else None,
        )

    def imported_security_group(self) -> object:
        """The security group of an existing load balancer."""
        arn = self.balancer().imported or ""
        where = f"--load-balancer-arns {arn}" if arn.startswith("arn:") else f"--names {arn}"
        return self.template.parameter(
            "LoadBalancerSecurityGroup",
            f"A security group of the load balancer {arn}, from which it reaches the tasks. Find it with: aws elbv2 "
            f'describe-load-balancers {where} --query "LoadBalancers[0].SecurityGroups" --output text',
            type="AWS::EC2::SecurityGroup::Id",
        )

    def optional(self, parameter: Ref, then: object) -> object:
        """`then`, where the parameter is not empty."""
        condition = self.template.condition(f"Has{parameter.name}", is_set(parameter.name))
        return choose(condition, then, Ref("AWS::NoValue"))


def target_ports(service: Service) -> list[tuple[str, int]]:
    """The ports that load balancers of layer 7 reach the tasks on, health checks included, in order."""
    groups = [group for group in service.target_groups if group.protocol in ("HTTP", "HTTPS")]
    ports = {group.container_port for group in groups}
    ports |= {group.health_check.port for group in groups if group.health_check.port is not None}
    return [("tcp", port) for port in sorted(ports)]
