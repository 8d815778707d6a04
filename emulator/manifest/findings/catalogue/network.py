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
