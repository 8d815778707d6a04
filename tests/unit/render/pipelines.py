"""A workspace with three pipelines: with an approval, with tests, with actions around deployments."""

from __future__ import annotations

from pathlib import Path

_SIZE = "cpu: 256\nmemory: 512\n"
_GITHUB = "source:\n  provider: GitHub\n  properties:\n    repository: https://github.com/example/shop\n"
FILES = {
    "copilot/.workspace": "application: shop\n",
    "copilot/environments/test/manifest.yml": "name: test\ntype: Environment\n",
    "copilot/environments/prod/manifest.yml": "name: prod\ntype: Environment\n",
    "api/Dockerfile": "FROM scratch\n",
    "web/Dockerfile": "FROM scratch\n",
    "copilot/api/manifest.yml": f"""\
name: api
type: Backend Service
image:
  build: api/Dockerfile
  port: 8080
{_SIZE}""",
    "copilot/web/manifest.yml": f"""\
name: web
type: Load Balanced Web Service
image:
  build:
    dockerfile: web/Dockerfile
    context: .
    args:
      STAGE: ${{COPILOT_ENVIRONMENT_NAME}}
  port: 8080
http:
  path: '/'
{_SIZE}""",
    "copilot/report/manifest.yml": f"""\
name: report
type: Scheduled Job
on:
  schedule: "@daily"
image:
  location: busybox:1.37
{_SIZE}""",
    "copilot/pipelines/release/manifest.yml": f"""\
name: release
version: 1
{_GITHUB}\
stages:
  - name: test
  - name: prod
    requires_approval: true
    deployments:
      api:
      web:
        depends_on: [api]
""",
    "copilot/pipelines/checked/manifest.yml": """\
name: checked
version: 1
source:
  provider: GitHub
  properties:
    branch: stable
    repository: example/shop
build:
  buildspec: ci/buildspec.yml
  additional_policy:
    PolicyDocument:
      Version: '2012-10-17'
      Statement:
        - Effect: Allow
          Action: [s3:ListBucket]
          Resource: arn:aws:s3:::fixtures
stages:
  - name: test
    deployments:
      api:
    test_commands:
      - echo "tested $COPILOT_ENVIRONMENT_NAME" >> actions.txt
      - echo 'as ${{ it }} stands' >> actions.txt
""",
    "ci/buildspec.yml": """\
version: 0.2
phases:
  install:
    commands:
      - wget https://example.com/copilot-linux-v1.34.0
  build:
    commands:
      - echo "Run your tests"
      - echo "unit tests" >> actions.txt
  post_build:
    commands:
      - ./copilot-linux svc package
      - ./own-report
artifacts:
  files: ["infrastructure/*"]
""",
    "copilot/pipelines/migrate/manifest.yml": f"""\
name: migrate
version: 1
{_GITHUB}\
stages:
  - name: prod
    pre_deployments:
      seed:
        buildspec: ci/seed.yml
        depends_on: [schema]
      schema:
        buildspec: ci/schema.yml
    deployments:
      api:
      report:
        depends_on: [api]
    post_deployments:
      announce:
        buildspec: ci/announce.yml
""",
    "ci/schema.yml": """\
version: 0.2
env:
  variables:
    TABLE: orders
  parameter-store:
    DSN: /shop/prod/dsn
phases:
  build:
    commands:
      - echo "schema $TABLE $DSN" >> actions.txt
    finally:
      - echo "schema ended" >> actions.txt
""",
    "ci/seed.yml": """\
version: 0.2
env:
  secrets-manager:
    PASSWORD: shop/prod:password
phases:
  build:
    commands:
      - echo "seed $COPILOT_APPLICATION_NAME $COPILOT_ENVIRONMENT_NAME $PASSWORD" >> actions.txt
""",
    "ci/announce.yml": """\
version: 0.2
phases:
  build:
    commands:
      - echo "announce $CODEBUILD_RESOLVED_SOURCE_VERSION" >> actions.txt
""",
}
NAMES = ("release", "checked", "migrate")


def write_workspace(root: Path, changes: dict[str, str] | None = None) -> Path:
    """The workspace in `root`, with other content in some files."""
    for name, text in {**FILES, **(changes or {})}.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root
