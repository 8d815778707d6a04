"""Rules and target groups as a load balancer takes them."""

from __future__ import annotations

from typing import Final

from emulator.manifest.findings.catalogue.base import MANIFEST, FindingKind

_FIRST_CHECK: Final = (
    "`validate` reports most of it where it stands in the manifest; this is what stops `up` and `route`"
)
_PATCHES: Final = "copilot/web/overrides/cfn.patches.yml"
_SERVICE: Final = """
    name: web
    type: Load Balanced Web Service
    image: {location: nginx, port: 80}
    http: {path: /}
"""
_GUARD: Final = "no manifest leads to it: what would is refused before"


class HiddenRule(FindingKind):
    code = "CL701"
    title = "listener rule that another rule hides"
    note = "`validate`, `up` and `route` compare all services of the workspace that are behind the same load balancer"
    explanation = """
        A listener tries its rules by priority, and the first one that matches takes the request. An earlier rule takes
        everything that this one would match, so no request reaches it. Between services, the one that was deployed
        first has the earlier rule.
    """
    source = (
        "Elastic Load Balancing, listener rules; Copilot, the custom resource `RulePriority` gives the next free number"
    )
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /shop
    """
    beside = (
        (
            "copilot/api/manifest.yml",
            """
            name: api
            type: Load Balanced Web Service
            image: {location: api, port: 80}
            http:
              path: /
            """,
        ),
    )


class HealthCheckElsewhere(FindingKind):
    code = "CL702"
    title = "health check of a path that the rule does not forward"
    note = "`route` looks for it"
    command = "route GET /nothing"
    explanation = """
        The load balancer asks targets for the path of the health check directly, past its rules. A container that
        serves only the rule's paths answers 404 there, stays unhealthy, and is replaced again and again.
    """
    source = "Elastic Load Balancing, health checks for target groups; Copilot's default for `healthcheck` is `/`"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /shop
          healthcheck: /health
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /shop
          healthcheck: /shop/health
    """


class PortNotExposed(FindingKind):
    code = "CL703"
    title = "target group with a port that its container does not expose"
    note = _GUARD
    explanation = """
        A service registers its tasks with the port of a container's port mappings. ECS refuses a service whose target
        group names another port.
    """
    source = "Amazon ECS, CreateService: the container and port must be in the task definition"


class PrefixKept(FindingKind):
    code = "CL704"
    title = "path that the container sees with its prefix"
    note = "`route` says so of the rule that takes the request"
    command = "route GET /shop/cart"
    explanation = """
        An Application Load Balancer forwards a request with the path that the client sent. A container behind a rule
        for `/shop` is asked for `/shop/cart`, not for `/cart`.
    """
    source = "Elastic Load Balancing, path conditions: they do not change the path"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /shop
          healthcheck: /shop/health
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
    """


class OnlyHttp2(FindingKind):
    code = "CL705"
    title = "target group that takes HTTP/2 only"
    note = "`route` says so of the rule that takes the request"
    command = "route GET /"
    explanation = """
        With `http.version: http2` or `grpc` the load balancer answers 464 to a client that speaks HTTP/1.1, as `curl`
        does by itself over plain HTTP. The container is not asked.
    """
    source = "Elastic Load Balancing, protocol version of target groups; error HTTP 464"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          version: http2
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
    """


class RefusedCondition(FindingKind):
    code = "CL710"
    title = "condition of a listener rule that is refused"
    note = _FIRST_CHECK
    silenceable = False
    command = "route GET /"
    explanation = """
        A path, host or address range that Elastic Load Balancing does not take: too long, or with other characters.
        Deployed, the stack would fail.
    """
    source = "Elastic Load Balancing, CreateRule"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          allowed_source_ips: [255.255.255.255/32]
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          allowed_source_ips: [192.0.2.1/32]
    """


class RefusedNumber(FindingKind):
    code = "CL711"
    title = "listener rule beyond the load balancer's limits"
    note = _FIRST_CHECK
    silenceable = False
    command = "route GET /shop"
    explanation = """
        A rule has at least one condition, at most five condition values, and each kind of condition once. A path other
        than `/` counts twice: Copilot gives the rule the path itself and all below it.
    """
    source = "Elastic Load Balancing, quotas for Application Load Balancers"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /shop
          healthcheck: /shop/health
          alias: [a.example.com, b.example.com, c.example.com, d.example.com]
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          alias: [a.example.com, b.example.com, c.example.com, d.example.com]
    """


class RefusedAction(FindingKind):
    code = "CL712"
    title = "action of a listener rule that is refused"
    note = _GUARD
    silenceable = False
    explanation = """
        A redirect, a fixed response or weights of target groups that Elastic Load Balancing does not take.
    """
    source = "Elastic Load Balancing, CreateRule: actions"


class RefusedHealthCheck(FindingKind):
    code = "CL713"
    title = "health check of a target group that is refused"
    note = _FIRST_CHECK
    silenceable = False
    command = "route GET /"
    explanation = """
        The path or the success codes of a health check are not what Elastic Load Balancing takes. Deployed, the stack
        would fail.
    """
    source = "Elastic Load Balancing, CreateTargetGroup"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          healthcheck: {success_codes: ok}
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          healthcheck: {success_codes: 200-399}
    """


class RefusedRegex(FindingKind):
    code = "CL714"
    title = "regular expression of a listener rule that is refused"
    note = "`up` and `route` look for it too"
    explanation = """
        A `RegexValues` of a condition has more than 128 characters, or what Elastic Load Balancing does not take:
        look-ahead and look-behind, backreferences, atomic groups, possessive quantifiers, recursion, Unicode classes
        such as `\\p{L}`. Copilot passes it on, and the stack fails while it is deployed. Expressions that only some
        engines know, such as `\\Q` and `\\K`, are refused here as well.
    """
    source = "Elastic Load Balancing, listener rules: regular expressions; the elbv2 API's lengths"
    file = _PATCHES
    bad = """
        - op: add
          path: /Resources/HTTPListenerRule/Properties/Conditions/0/PathPatternConfig/RegexValues
          value: ["^/(?!admin)"]
    """
    good = """
        - op: add
          path: /Resources/HTTPListenerRule/Properties/Conditions/0/PathPatternConfig/RegexValues
          value: ["^/(?:shop|cart)/"]
    """
    beside = ((MANIFEST, _SERVICE),)


class RefusedTransform(FindingKind):
    code = "CL715"
    title = "transform of a listener rule that is refused"
    note = "`up` and `route` look for it too"
    explanation = """
        A rule takes one `url-rewrite` and one `host-header-rewrite`, each with one rewrite: a regular expression and a
        replacement of at most 1024 characters each. In the replacement `$1` to `$9` are groups of the expression.
        Copilot passes it on, and the stack fails while it is deployed.
    """
    source = "Elastic Load Balancing, transforms for listener rules; the elbv2 API's lengths"
    file = _PATCHES
    bad = """
        - op: add
          path: /Resources/HTTPListenerRule/Properties/Transforms
          value:
            - Type: url-rewrite
              UrlRewriteConfig: {Rewrites: [{Regex: ^/shop/, Replace: /$1}]}
    """
    good = """
        - op: add
          path: /Resources/HTTPListenerRule/Properties/Transforms
          value:
            - Type: url-rewrite
              UrlRewriteConfig: {Rewrites: [{Regex: "^/shop/(.*)", Replace: /$1}]}
    """
    beside = ((MANIFEST, _SERVICE),)
