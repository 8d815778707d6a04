"""Manifests of environments and pipelines."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import FindingKind


class Environment(FindingKind):
    code = "CL160"
    title = "environment manifest that does not fit"
    explanation = """
        The environment cannot be deployed so: subnets that are too few or in different availability zones, certificates
        that are none, or settings of a load balancer that contradict each other. Copilot refuses the manifest.
    """
    source = "Copilot, internal/pkg/manifest/validate_env.go"
    file = "copilot/environments/test/manifest.yml"
    bad = """
        name: test
        type: Environment
        http:
          public:
            certificates: [my-certificate]
    """
    good = """
        name: test
        type: Environment
        http:
          public:
            certificates: ["arn:aws:acm:eu-west-1:111122223333:certificate/1a2b"]
    """


class Pipeline(FindingKind):
    code = "CL161"
    title = "pipeline manifest that does not fit"
    explanation = """
        The source has a provider that Copilot does not know, a name is too long, a stage comes twice or has two kinds
        of what comes after its deployment, or its deployments wait for what is not there or for each other. Copilot
        refuses the manifest. A deployment that is no workload of the workspace and names no template fails when the
        pipeline runs; an environment that the workspace does not declare is a warning. Pipelines are not run here;
        `render pipeline` makes a workflow or a buildspec of one.
    """
    source = "Copilot, internal/pkg/manifest/pipeline.go and `Pipeline.Validate`"
    file = "copilot/pipelines/release/manifest.yml"
    bad = """
        name: release
        version: 1
        source:
          provider: GitLab
          properties: {repository: example/shop}
        stages:
          - name: test
    """
    good = """
        name: release
        version: 1
        source:
          provider: GitHub
          properties: {repository: example/shop}
        stages:
          - name: test
    """
