"""A service and the environment that it is deployed to."""

from __future__ import annotations

from typing import Final

from emulator.manifest.findings.catalogue.base import FindingKind

_ENVIRONMENT: Final = "copilot/environments/test/manifest.yml"
_NOTE: Final = "where the workspace holds the environment's manifest, and no error is found before"
_CLOUDFRONT: Final = """
    name: test
    type: Environment
    cdn:
      certificate: arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012
      terminate_tls: true
    http:
      public:
        certificates:
          - arn:aws:acm:us-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012
"""


class NameAndCertificate(FindingKind):
    code = "CL163"
    title = "domain name that does not fit the environment's certificates"
    note = f"{_NOTE}; `render cloudformation --in-copilot-environment` refuses it"
    explanation = """
        Where the environment imports certificates, Copilot refuses to deploy a listener rule without `alias`: the
        environment then has no hosted zone of its own, from which the service would have a name. Without imported
        certificates it refuses `alias` of a Backend Service, and `hosted_zone`. It refuses `hosted_zone` where
        CloudFront is before the load balancer, and `nlb.alias` where certificates are imported. It refuses to deploy an
        environment with CloudFront on the application's domain while a service has no alias. Certificates and `domain`
        of `copilot-local.toml` count.
    """
    source = "Copilot, `validateRuntimeRoutingRule` in internal/pkg/cli/deploy/lbws.go and backend.go"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        http:
          path: /
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        http:
          path: /
          alias: web.example.internal
    """
    beside = (
        (
            _ENVIRONMENT,
            """
            name: test
            type: Environment
            http:
              private:
                certificates:
                  - arn:aws:acm:us-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012
            """,
        ),
    )


class RedirectBehindCloudFront(FindingKind):
    code = "CL164"
    title = "redirect to HTTPS behind a CloudFront that asks over HTTP"
    note = _NOTE
    explanation = """
        With `cdn.terminate_tls`, CloudFront asks the load balancer over HTTP. A rule that redirects to HTTPS, as each
        does without `redirect_to_https: false`, sends the browser back to CloudFront, without end. Copilot refuses to
        deploy the environment where its load balancer lets in CloudFront alone (`ingress.cdn`), and warns otherwise.
    """
    source = "Copilot, `validateCDN` in internal/pkg/cli/deploy/env.go"
    bad = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          alias: web.example.com
    """
    good = """
        name: web
        type: Load Balanced Web Service
        image: {location: nginx, port: 80}
        http:
          path: /
          alias: web.example.com
          redirect_to_https: false
    """
    beside = ((_ENVIRONMENT, _CLOUDFRONT),)


class NoSubnetsForTasks(FindingKind):
    code = "CL165"
    title = "tasks in subnets that the environment's VPC does not have"
    note = f"{_NOTE}; `render environment` refuses it"
    explanation = """
        Tasks run in public subnets where `network.vpc.placement` says nothing. An existing VPC of which only private
        subnets are named exports no public ones, so that the service's stack fails on an import; and the other way
        round. Copilot looks for neither.
    """
    source = "Copilot, template `environment/cf.yml`; AWS CloudFormation, `Fn::ImportValue`"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        network:
          vpc:
            placement: private
    """
    beside = (
        (
            _ENVIRONMENT,
            """
            name: test
            type: Environment
            network:
              vpc:
                id: vpc-12345678
                subnets:
                  private: [{id: subnet-11111111}, {id: subnet-22222222}]
            """,
        ),
    )
