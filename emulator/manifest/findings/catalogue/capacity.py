"""Task size, platform and number of tasks."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import VALIDATE, FindingKind


class Autoscaling(FindingKind):
    code = "CL130"
    title = "autoscaling that does not fit"
    explanation = """
        The workload cannot scale on this metric: a job does not scale at all, only a Worker Service has a queue, and
        `requests` and `response_time` are measured by an application load balancer. Copilot refuses the manifest.
    """
    source = f"Copilot, `AdvancedCount.validate` in {VALIDATE}"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        count:
          range: 1-10
          requests: 1000
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx, port: 80}
        count:
          range: 1-10
          cpu_percentage: 70
    """


class UnknownPlatform(FindingKind):
    code = "CL131"
    title = "platform that does not exist"
    explanation = """
        Fargate has Linux on x86_64 and ARM64, and Windows on x86_64. Copilot refuses everything else.
    """
    source = f"Copilot, `PlatformArgsOrString.validate` in {VALIDATE}; AWS Fargate, operating systems and architectures"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        platform: linux/riscv64
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        platform: linux/arm64
    """


class SpotOnArm(FindingKind):
    code = "CL132"
    title = "Fargate Spot on ARM"
    explanation = """
        Copilot refuses to run ARM tasks on Fargate Spot: `'Fargate Spot' is not supported when deploying on ARM
        architecture`.
    """
    source = f"Copilot, `validateARM` in {VALIDATE}"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        platform: linux/arm64
        count: {spot: 2}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        platform: linux/arm64
        count: 2
    """


class Windows(FindingKind):
    code = "CL133"
    title = "not available for Windows containers"
    explanation = """
        Windows containers on Fargate have no read-only root file system, no EFS, no Service Connect and no FireLens.
        Copilot refuses the first three.
    """
    source = f"Copilot, `validateWindows` in {VALIDATE}; Amazon ECS, considerations for Windows containers on Fargate"
    bad = """
        name: web
        type: Backend Service
        image: {location: iis}
        platform: windows/amd64
        cpu: 1024
        memory: 2048
        storage: {readonly_fs: true}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: iis}
        platform: windows/amd64
        cpu: 1024
        memory: 2048
    """


class TaskSize(FindingKind):
    code = "CL150"
    title = "task size that Fargate does not have"
    explanation = """
        Fargate has certain amounts of memory for each number of CPU units, and no others. Copilot does not look: ECS
        answers `No Fargate configuration exists for given values` while the stack is deployed.
    """
    source = "AWS Fargate, task size; Copilot validates neither `cpu` nor `memory`"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        cpu: 256
        memory: 4096
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        cpu: 512
        memory: 4096
    """
