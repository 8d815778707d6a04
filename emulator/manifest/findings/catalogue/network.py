"""Names under which services find each other."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import VALIDATE, FindingKind


class AliasWithoutPort(FindingKind):
    code = "CL140"
    title = "Service Connect alias without a port"
    explanation = """
        An alias is the name under which others call the service, so the service needs a port. Without one it can only
        call others: `network.connect: true`. Copilot refuses the manifest.
    """
    source = f"Copilot, `BackendServiceConfig.validate` in {VALIDATE}: no ports are exposed"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        network:
          connect: {alias: shop}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        network:
          connect: {alias: shop}
    """


class OutOfReach(FindingKind):
    code = "CL141"
    title = "variable that names a service out of reach"
    note = "only where services run: it takes the other manifests too"
    explanation = """
        A variable names another service of the workspace by a name that leads nowhere once it is deployed. With Service
        Connect both services need `network.connect`, and the port is that of the alias; with service discovery
        the name is the long one, `<service>.<environment>.<application>.local`, and the port the container's.
    """
    source = "Amazon ECS, Service Connect and service discovery; Copilot, `network.connect`"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        variables: {API_URL: "http://api:8080"}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        variables: {API_URL: "http://api:8080"}
        network: {connect: true}
    """
    beside = (
        (
            "copilot/api/manifest.yml",
            """
            name: api
            type: Backend Service
            image: {location: api, port: 8080}
            network: {connect: true}
            """,
        ),
    )


class AppMesh(FindingKind):
    code = "CL145"
    title = "App Mesh, which has ended"
    explanation = """
        App Mesh ended on 30 September 2026. ECS still leads the task's traffic through the proxy, which gets no
        configuration and never turns healthy, so that containers that wait for it never start. `up` runs the task
        without the redirect and without the proxy, and takes what waits for it as met; `render` keeps what the manifest
        says.
    """
    source = "AWS App Mesh, end of support; Amazon ECS, `ProxyConfiguration`"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        sidecars:
          envoy:
            image: public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod
        taskdef_overrides:
          - path: ProxyConfiguration.Type
            value: APPMESH
          - path: ProxyConfiguration.ContainerName
            value: envoy
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        network: {connect: true}
    """


_API = """
    name: api
    type: Backend Service
    image: {location: api, port: 8080}
    network: {connect: true}
    taskdef_overrides:
      - path: ContainerDefinitions[0].PortMappings[0].AppProtocol
        value: http
"""
_WEB = """
    name: web
    type: Backend Service
    image: {build: web/Dockerfile, port: 80}
    network: {connect: true}
"""


class OldHttp(FindingKind):
    code = "CL146"
    title = "request with HTTP/1.0 to a Service Connect name"
    note = "`validate` and `up` look into the `*.conf` files of build contexts, where a name has an `appProtocol`"
    explanation = """
        With `appProtocol: http` the proxy of Service Connect answers HTTP/1.0 with 426 Upgrade Required. That is what
        nginx's `proxy_pass` asks with unless `proxy_http_version` says otherwise; only its newest releases ask with
        HTTP/1.1 by themselves. Without an `appProtocol`, as Copilot deploys it, the name is TCP and takes any version.
    """
    source = "Amazon ECS, Service Connect considerations: HTTP/1.0 is not supported; nginx, `proxy_http_version`"
    file = "web/nginx.conf"
    bad = """
        events {}
        http { server { location / { proxy_pass http://api:8080; } } }
    """
    good = """
        events {}
        http { server { location / { proxy_http_version 1.1; proxy_pass http://api:8080; } } }
    """
    beside = (
        ("copilot/web/manifest.yml", _WEB),
        ("copilot/api/manifest.yml", _API),
        ("web/Dockerfile", "FROM nginx\n"),
    )


class TimeoutCutShort(FindingKind):
    code = "CL147"
    title = "Service Connect timeout that another one ends before"
    note = "`validate` and `up` look for it where a name has an `appProtocol`"
    explanation = """
        A connection that is silent for `idleTimeoutSeconds` is closed, even if `perRequestTimeoutSeconds` allows a
        request to take longer; an Application Load Balancer gives up after 60 seconds of silence.
    """
    source = "Amazon ECS, `TimeoutConfiguration`; Elastic Load Balancing, idle timeout"
    file = "copilot/api/overrides/cfn.patches.yml"
    bad = """
        - op: add
          path: /Resources/Service/Properties/ServiceConnectConfiguration/Services/0/Timeout
          value: {PerRequestTimeoutSeconds: 120, IdleTimeoutSeconds: 60}
    """
    good = """
        - op: add
          path: /Resources/Service/Properties/ServiceConnectConfiguration/Services/0/Timeout
          value: {PerRequestTimeoutSeconds: 120, IdleTimeoutSeconds: 300}
    """
    beside = (("copilot/api/manifest.yml", _API),)
