"""The manifest of an environment: every key that Copilot reads, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from emulator.manifest import check
from tests.unit.manifest.conftest import SHARED

HEAD = "name: test\ntype: Environment\n"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/x"
STACKS = SHARED / "copilot-environments"


def found(folder: Path, text: str) -> list[tuple[str, str]]:
    path = folder / "copilot" / "environments" / "test" / "manifest.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text)
    checked = check(path, environments=[None], variables={}, app="demo")
    return [(finding.code, finding.path) for finding in checked.findings]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cdn: true\n",
        "cdn: false\n",
        "http: {public: {access_logs: true}}\n",
        "network: {vpc: {flow_logs: on}}\n",
        "network: {vpc: {cidr: 10.0.0.0/16, subnets: {public: [{cidr: 10.0.0.0/24, az: a}, {cidr: 10.0.1.0/24, az: b}],"
        " private: [{cidr: 10.0.2.0/24, az: b}, {cidr: 10.0.3.0/24, az: a}]}}}\n",
        "http: {private: {security_groups: {ingress: {from_vpc: true}}}}\n",
        "cdn: true\nhttp: {public: {security_groups: {ingress: {restrict_to: {cdn: true}}}}}\n",
        "observability: {container_insights: true}\n",
        "network: {vpc: {security_group: {ingress: [{ports: -1, ip_protocol: icmp, cidr: 10.0.0.0/8}]}}}\n",
        "network: {vpc: {security_group: {egress: [{ports: -1, ip_protocol: -1, cidr: 10.0.0.0/8}]}}}\n",
    ],
)
def test_what_copilot_takes(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("network: {vpc: {placement: private}}\n", ("CL101", "network.vpc.placement")),
        ("network: {vpc: {security_groups: [sg-1]}}\n", ("CL101", "network.vpc.security_groups")),
        ("network: {vpc: {flow_log: true}}\n", ("CL101", "network.vpc.flow_log")),
        ("network: {vpc: {subnets: {publik: []}}}\n", ("CL101", "network.vpc.subnets.publik")),
        ("network: {vpc: {flow_logs: {retain: 3}}}\n", ("CL101", "network.vpc.flow_logs.retain")),
        ("cdn: {certificat: x}\n", ("CL101", "cdn.certificat")),
        ("cdn: {static_assets: {bucket: x}}\n", ("CL101", "cdn.static_assets.bucket")),
        ("http: {public: {access_logs: {bucket: x}}}\n", ("CL101", "http.public.access_logs.bucket")),
        ("http: {private: {ingress: {from_vpc: true}}}\n", ("CL102", "http.private.ingress.from_vpc")),
        ("http: {private: {security_groups: {ingress: {vpc: true}}}}\n",
         ("CL102", "http.private.security_groups.ingress.vpc")),
        ("observability: {tracing: awsxray}\n", ("CL101", "observability.tracing")),
        ("exec: true\n", ("CL101", "exec")),
        ("network: {vpc: {cidr: 10.0.0.0}}\n", ("CL107", "network.vpc.cidr")),
        ("network: {vpc: {security_group: {ingress: [{ports: 9-1, ip_protocol: tcp, cidr: x}]}}}\n",
         ("CL107", "network.vpc.security_group.ingress[0].ports")),
        ("network: {vpc: {security_group: {ingress: [{ports: -2, ip_protocol: icmp, cidr: x}]}}}\n",
         ("CL107", "network.vpc.security_group.ingress[0].ports")),
        ("network: {vpc: {security_group: {ingress: [{ports: -1, ip_protocol: tcp, cidr: x}]}}}\n",
         ("CL160", "network.vpc.security_group.ingress[0].ports")),
        ("network: {vpc: {security_group: {ingress: [{ports: 9, cidr: x}]}}}\n",
         ("CL106", "network.vpc.security_group.ingress[0]")),
        ("network: {vpc: {security_group: {egress: [{ports: 9, ip_protocol: '', cidr: x}]}}}\n",
         ("CL106", "network.vpc.security_group.egress[0].ip_protocol")),
        ("network: {vpc: {id: vpc-1}}\n", ("CL160", "network.vpc.id")),
        ("network: {vpc: {cidr: 10.0.0.0/16}}\n", ("CL160", "network.vpc.cidr")),
        ("network: {vpc: {cidr: 10.0.0.0/16, subnets: {public: [{cidr: 10.0.0.0/24}]}}}\n",
         ("CL160", "network.vpc.cidr")),
        ("network: {vpc: {id: vpc-1, subnets: {public: [{id: a}]}}}\n", ("CL160", "network.vpc.subnets.public")),
        ("network: {vpc: {id: vpc-1, subnets: {public: [{id: a}, {cidr: 10.0.0.0/24}]}}}\n",
         ("CL106", "network.vpc.subnets.public[1]")),
        ("network: {vpc: {id: vpc-1, cidr: 10.0.0.0/16, subnets: {public: [{id: a}, {id: b}]}}}\n",
         ("CL120", "network.vpc.cidr")),
        ("network: {vpc: {cidr: 10.0.0.0/16, subnets: {public: [{cidr: 10.0.0.0/24, az: a}]}}}\n",
         ("CL160", "network.vpc.subnets")),
        ("network: {vpc: {subnets: {public: [{id: a, az: b}]}}}\n", ("CL120", "network.vpc.subnets.public[0].az")),
        ("cdn: {terminate_tls: true}\n", ("CL121", "cdn.terminate_tls")),
        (f"cdn: true\nhttp: {{public: {{certificates: ['{CERTIFICATE}']}}}}\n", ("CL121", "cdn")),
        (f"cdn: {{certificate: '{CERTIFICATE}'}}\n", ("CL121", "cdn.certificate")),
        (f"cdn: {{certificate: '{CERTIFICATE.replace('us-east-1', 'eu-west-1')}'}}\n"
         f"http: {{public: {{certificates: ['{CERTIFICATE}']}}}}\n", ("CL160", "cdn.certificate")),
        ("http: {public: {ingress: {cdn: true}}}\n", ("CL121", "http.public.ingress")),
        ("cdn: true\nhttp: {public: {ingress: {cdn: true}, security_groups: {ingress: {restrict_to: {cdn: true}}}}}\n",
         ("CL120", "http.public.security_groups")),
        ("http: {public: {security_groups: {ingress: {from_vpc: true}}}}\n",
         ("CL160", "http.public.security_groups.ingress.from_vpc")),
        ("http: {private: {security_groups: {ingress: {restrict_to: {cdn: true}}}}}\n",
         ("CL160", "http.private.security_groups.ingress.restrict_to")),
        ("http: {private: {subnets: [subnet-1]}}\n", ("CL121", "http.private.subnets")),
        ("network: {vpc: {id: v, subnets: {public: [{id: a}, {id: b}]}}}\nhttp: {private: {subnets: [c]}}\n",
         ("CL160", "http.private.subnets[0]")),
    ],
)  # fmt: skip
def test_what_copilot_ignores_or_refuses(tmp_path: Path, text: str, expected: tuple[str, str]) -> None:
    # Where a block sets nothing that Copilot knows, that is a second finding.
    assert [it for it in found(tmp_path, text) if it[1] == expected[1] or not expected[1].startswith(it[1])] == [
        expected
    ]


@pytest.mark.skipif(not STACKS.is_dir(), reason="Copilot's environment stacks are not here")
def test_no_key_of_copilots_own_environment_manifests_is_unknown(tmp_path: Path) -> None:
    class Loader(yaml.SafeLoader):
        pass

    yaml.add_multi_constructor("!", lambda *_: None, Loader)
    files = sorted(STACKS.glob("*.yml"))
    assert files
    for file in files:
        metadata = yaml.load(file.read_text(), Loader)["Metadata"]
        text = metadata["Manifest"].partition("type: Environment\n")[2]
        # Certificates and addresses are no such things there, since nothing is deployed.
        text = (
            text.replace("1.1.1.1", "1.1.1.1/32")
            .replace("2.2.2.2", "2.2.2.2/32")
            .replace("viewer-cert", CERTIFICATE)
            .replace("cert-1", CERTIFICATE)
            .replace("cert-2", CERTIFICATE)
        )
        assert found(tmp_path, text) == [], file.name
