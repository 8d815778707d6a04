"""Ports, targets of load balancers, listener rules."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import VALIDATE, FindingKind


class PortTwice(FindingKind):
    code = "CL123"
    title = "port claimed twice"
    explanation = """
        The containers of a task share one network: a port belongs to one of them, with one protocol. Copilot refuses
        the manifest where it sees both claims. It does not see the ports of the log router (24224 and 8877): there, the
        second container fails to listen once the task runs. Nor does it compare the listeners of a Network Load
        Balancer: AWS takes one for a port, whatever its protocol.
    """
    source = f"Copilot, `validateExposedPorts` in {VALIDATE}; Amazon ECS, task networking in `awsvpc` mode"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        sidecars:
          proxy: {image: envoy, port: 80}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        sidecars:
          proxy: {image: envoy, port: 8080}
    """


class NoTarget(FindingKind):
    code = "CL124"
    title = "target container cannot get traffic"
    explanation = """
        The container that a rule or a listener names does not exist, or has no port. Copilot refuses the manifest.
    """
    source = f"Copilot, `validateTargetContainer` in {VALIDATE}"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: app, port: 3000}
        http:
          path: /
          target_container: proxy
        sidecars:
          proxy: {image: nginx}
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: app, port: 3000}
        http:
          path: /
          target_container: proxy
        sidecars:
          proxy: {image: nginx, port: 80}
    """


class UdpHealthCheck(FindingKind):
    code = "CL128"
    title = "health check on a UDP port"
    explanation = """
        Load balancers check targets over TCP. A listener of UDP sends to a UDP port, so its health check needs a port
        of its own. Copilot refuses the manifest without one.
    """
    source = f"Copilot, `validateHealthCheckPorts` in {VALIDATE}"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: dns, port: 8080}
        http: false
        nlb:
          port: 53/udp
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: dns, port: 8080}
        http: false
        nlb:
          port: 53/udp
          healthcheck: {port: 8080}
    """


class TooManyConditions(FindingKind):
    code = "CL129"
    title = "listener rule with too many conditions"
    explanation = """
        A rule of an Application Load Balancer has five condition values at most: aliases, address ranges and paths
        together. Copilot counts without the path, so that some rules fail only when the stack is deployed; those are
        warnings in `up`.
    """
    source = f"Copilot, `validateConditionValuesPerRule` in {VALIDATE}; Elastic Load Balancing, quotas"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          alias: [a.example.com, b.example.com, c.example.com, d.example.com, e.example.com]
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          alias: [a.example.com, b.example.com]
          additional_rules:
            - path: /
              alias: [c.example.com, d.example.com, e.example.com]
    """
