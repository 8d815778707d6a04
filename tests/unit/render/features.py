"""Manifests that use every feature that a stack can have, with what surrounds them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from emulator.compiler import Surroundings, compile_service
from emulator.compiler.addons import SourceText, addon_outputs, merge_addons
from emulator.compiler.patches import read_patches
from emulator.ecs.service import Service
from emulator.manifest import load
from emulator.render.cloudformation.options import StackOptions

CERTIFICATE = "arn:aws:acm:us-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012"
OTHER_CERTIFICATE = "arn:aws:acm:us-west-2:123456789012:certificate/87654321-1234-1234-1234-123456789012"
LOAD_BALANCER = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/shared/0123456789abcdef"

WEB = """\
name: web
type: Load Balanced Web Service
image:
  build: ./Dockerfile
  port: 8080
http:
  path: /
"""

ADDONS = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
  Size:
    Type: Number
    Default: 3600
    Description: Seconds that messages are kept.
  ServiceName: {Type: String}
Conditions:
  IsProduction: !Equals [!Ref Env, prod]
Mappings:
  Sizes:
    prod: {Units: 10}
    test: {Units: 1}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      TableName: !Sub ${App}-${Env}-${Name}
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      ProvisionedThroughput:
        ReadCapacityUnits: !FindInMap [Sizes, !Ref Env, Units]
        WriteCapacityUnits: 1
      Tags:
        - {Key: service, Value: !Ref ServiceName}
  TablePolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Description: !Sub Grants ${Name} access to ${Table}
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: dynamodb:GetItem
            Resource: !GetAtt Table.Arn
  Password:
    Type: AWS::SecretsManager::Secret
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      GenerateSecretString: {PasswordLength: 20}
  ProductionOnly:
    Type: AWS::SQS::Queue
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Condition: IsProduction
    Properties:
      MessageRetentionPeriod: !Ref Size
Outputs:
  TableName:
    Value: !Ref Table
  TableArn:
    Value: !GetAtt Table.Arn
  TableAccess:
    Value: !Ref TablePolicy
  DBPassword:
    Value: !Ref Password
"""
ADDON_PARAMETERS = """\
Parameters:
  ServiceName: !Sub ${WorkloadName}-addons
"""
PATCHES = """\
- op: add
  path: /Resources/LogGroup/Properties/Tags
  value: [{Key: team, Value: !Ref AppName}]
- op: replace
  path: /Resources/Service/Properties/DeploymentConfiguration/MaximumPercent
  value: 150
- op: remove
  path: /Resources/Service/Properties/PropagateTags
- op: add
  path: /Resources/TaskDefinition/Properties/ContainerDefinitions/0/Ulimits
  value: [{Name: nofile, SoftLimit: 1024, HardLimit: 4096}]
- op: add
  path: /Resources/TaskRole/Properties/Policies/-
  value:
    PolicyName: Own
    PolicyDocument:
      Version: '2012-10-17'
      Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: !Sub 'arn:${AWS::Partition}:s3:::my-bucket/*'}]
"""


@dataclass(frozen=True)
class Feature:
    """A manifest, with what surrounds it when it is deployed."""

    manifest: str
    surroundings: Surroundings = field(default_factory=Surroundings)
    options: dict[str, str] = field(default_factory=dict)
    addons: str = ""
    patches: str = ""

    def service(self, folder: Path) -> Service:
        """The manifest compiled for app `demo`, environment `test`."""
        path = folder / "manifest.yml"
        path.write_text(textwrap.dedent(self.manifest))
        loaded = load(path, environment="test", variables={}, app="demo", strict=False)
        changes: dict[str, object] = {}
        if self.addons:
            parameters = SourceText("addons.parameters.yml", ADDON_PARAMETERS) if "ServiceName" in self.addons else None
            addons = merge_addons([SourceText("addons/table.yml", self.addons)], parameters)
            changes |= {"addons": addon_outputs(addons), "addon_template": addons}
        if self.patches:
            changes["patches"] = read_patches(SourceText("overrides/cfn.patches.yml", self.patches))
        around = Surroundings(**{name: getattr(self.surroundings, name) for name in Surroundings.__slots__} | changes)
        return compile_service(
            loaded.manifest,
            app="demo",
            environment="test",
            position=loaded.position,
            path="copilot/x/manifest.yml",
            surroundings=around,
        )

    def stack_options(self, **more: object) -> StackOptions:
        """The options of a stack, `more` added."""
        return StackOptions(**{**self.options, **more})  # type: ignore[arg-type]


FEATURES: dict[str, Feature] = {
    "plain": Feature(WEB),
    "https": Feature(
        WEB + "  alias: [{name: www.example.com, hosted_zone: Z0123456789ABCDEFGHIJ}]\n  redirect_to_https: false\n",
        Surroundings(https=True, certificates=(CERTIFICATE, OTHER_CERTIFICATE)),
    ),
    "domain": Feature(WEB, Surroundings(https=True, domain="example.com")),
    "imported-load-balancer": Feature(WEB, Surroundings(load_balancer=LOAD_BALANCER)),
    "rules": Feature(
        WEB
        + """\
  version: http2
  stickiness: true
  deregistration_delay: 30s
  allowed_source_ips: [10.0.0.0/8]
  healthcheck: {path: /up, port: 9000, success_codes: '200,301', interval: 15s, timeout: 10s, healthy_threshold: 3}
  additional_rules:
    - {path: admin, target_port: 8081}
    - {path: secure, target_port: 443}
"""
    ),
    "network-load-balancer": Feature(
        """\
name: web
type: Load Balanced Web Service
image: {location: nginx:1.27, port: 80}
http: false
nlb:
  port: 443/tls
  target_port: 80
  alias: [web.test.demo.example.com, tcp.example.com]
  stickiness: true
  healthcheck: {port: 80, healthy_threshold: 4, interval: 10s}
  additional_listeners:
    - {port: 5000/udp, target_container: side, healthcheck: {port: 80}}
    - {port: 8080, target_port: 80}
sidecars:
  side: {image: nginx:1.27, port: 5000/udp}
""",
        Surroundings(https=True, domain="example.com"),
    ),
    "backend-internal": Feature(
        """\
name: api
type: Backend Service
image: {location: '123456789012.dkr.ecr.us-west-2.amazonaws.com/team/api:1', port: 80}
http: {path: /, alias: [{name: api.corp, hosted_zone: Z0123456789ABCDEFGHIJ}]}
count: {range: 1-5, requests: 100, memory_percentage: 60, cooldown: {in: 1m}}
network: {vpc: {placement: private}}
""",
        Surroundings(https=True, certificates=(CERTIFICATE,)),
    ),
    "backend-alone": Feature("name: api\ntype: Backend Service\nimage: {location: nginx:1.27}\n"),
    "storage": Feature(
        WEB
        + """\
storage:
  ephemeral: 100
  readonly_fs: true
  volumes:
    own: {path: /own, read_only: false, efs: true}
    other:
      path: /other
      read_only: false
      efs: {id: fs-0123456789abcdef0, root_dir: /, auth: {iam: true, access_point_id: fsap-0123456789abcdef0}}
    exported: {path: /exported, efs: {id: {from_cfn: shared-fs}}}
    scratch: {path: /scratch}
"""
    ),
    "firelens": Feature(
        WEB
        + """\
env_file: ./web.env
secrets:
  NAMED: /web/named
  ARN: arn:aws:ssm:us-west-2:123456789012:parameter/other
  MANAGED: {secretsmanager: 'db/password:key::'}
  WHOLE: 'arn:aws:secretsmanager:us-west-2:123456789012:secret:whole-AbCdEf:key::'
  EXPORTED: {from_cfn: exported-secret}
logging:
  retention: 7
  destination: {Name: cloudwatch, region: us-west-2, log_group_name: /logs, log_stream_prefix: web/}
  secretOptions: {API_KEY: /web/key}
  configFilePath: /extra.conf
  env_file: ./log.env
sidecars:
  side-car:
    image: nginx:1.27
    essential: false
    credentialsParameter: arn:aws:secretsmanager:us-west-2:123456789012:secret:registry-AbCdEf
    depends_on: {web: start}
    env_file: ./side.env
"""
    ),
    "tracing-and-exec": Feature(WEB + "exec: true\nobservability: {tracing: awsxray}\nnetwork: {connect: true}\n"),
    "deployment": Feature(
        WEB
        + """\
count: {range: {min: 2, max: 9, spot_from: 4}, cpu_percentage: 55.5, response_time: 250ms}
deployment: {rolling: recreate, rollback_alarms: [own-alarm]}
network: {vpc: {security_groups: {deny_default: true, groups: [sg-0123456789abcdef0, {from_cfn: db-clients}]}}}
"""
    ),
    "subnets": Feature(
        WEB + "network: {vpc: {placement: {subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]}}}\n"
    ),
    "subnets-by-tags": Feature(
        WEB + "network: {vpc: {placement: {subnets: {from_tags: {tier: [app, web], team: x}}}}}\n"
    ),
    "windows": Feature(WEB + "platform: windows/amd64\ncpu: 1024\nmemory: 2048\n"),
    "arm": Feature(WEB + "platform: linux/arm64\n"),
    "overrides": Feature(
        WEB
        + """\
taskdef_overrides:
  - {path: 'ContainerDefinitions[0].LinuxParameters.InitProcessEnabled', value: true}
  - {path: 'ContainerDefinitions[0].Environment[-]', value: {Name: BUCKET, Value: !Sub '${AppName}-${AWS::AccountId}'}}
  - {path: 'ContainerDefinitions[0].Environment[-]', value: {Name: GROUP, Value: !Ref LogGroup}}
""",
        patches=PATCHES,
    ),
    "addons": Feature(WEB, addons=ADDONS),
    "permissions-boundary": Feature(WEB, options={"permissions_boundary": "team-boundary"}),
    "worker": Feature(
        """\
name: worker
type: Worker Service
image: {build: ./Dockerfile}
count: {range: 1-10, queue_delay: {acceptable_latency: 10m, msg_processing_time: 250ms}}
deployment: {rollback_alarms: {messages_delayed: 7, memory_utilization: 80}}
subscribe:
  queue: {retention: 96h, delay: 5s, timeout: 1m, dead_letter: {tries: 3}, fifo: true}
  topics:
    - {name: orders, service: shop, filter_policy: {store: [a, b]}}
    - {name: returns, service: shop, queue: {dead_letter: {tries: 2}}}
publish:
  topics: [{name: done}, {name: log, fifo: {content_based_deduplication: true}}]
"""
    ),
    "job": Feature(
        """\
name: report
type: Scheduled Job
image: {build: ./Dockerfile}
on: {schedule: '@daily'}
retries: 2
timeout: 10m
network: {vpc: {placement: private, security_groups: [sg-0123456789abcdef0]}}
storage: {volumes: {own: {path: /own, efs: true}}}
"""
    ),
    "job-off": Feature(
        "name: report\ntype: Scheduled Job\nimage: {location: nginx:1.27}\non: {schedule: none}\n",
    ),
}
