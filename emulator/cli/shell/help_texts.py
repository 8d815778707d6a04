"""What the help says beside options: sections of the list of verbs, an example for each verb, where the rest is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

SECTIONS: Final[Mapping[str, Sequence[str]]] = {
    "Run": ("init", "up", "down", "compose", "run", "scale", "restart", "stop", "deployment", "api"),
    "Look": (
        "ps",
        "ls",
        "logs",
        "inspect",
        "events",
        "targets",
        "connect",
        "port",
        "forward",
        "open",
        "console",
        "snapshot",
    ),
    "Requests": ("route", "trace", "traces"),
    "Containers": ("exec", "cp", "env"),
    "Local AWS": ("aws", "queues", "topics", "tables", "buckets", "permissions"),
    "Manifests": ("validate", "config", "graph", "schema", "render", "firelens", "leave"),
    "Machine": ("doctor", "trust", "trust-workspace", "prune", "export", "reference"),
}
"""Titles of the list of verbs, and the verbs below each."""

EXAMPLES: Final[Mapping[str, Sequence[str]]] = {
    "init": ("init", "init -e prod --no-editor"),
    "up": ("up", "up -d --wait web api", "up web --image web/nginx=./nginx --var TAG=local", "up --watch"),
    "down": ("down", "down -v", "down --all"),
    "prune": ("prune", "prune --volumes --dry-run"),
    "compose": ("compose metadata", "compose --project-name=mine up --workspace=../shop shop"),
    "run": ("run nightly", "run nightly --env-file nightly=./local.env"),
    "ps": ("ps", "ps -n web --format json"),
    "ls": ("ls",),
    "logs": ("logs -f web", "logs --since 5m --grep error"),
    "scale": ("scale web=3",),
    "restart": ("restart web",),
    "stop": ("stop web",),
    "deployment": ("deployment continue", "deployment rollback web"),
    "api": ("api", "api --port 4600", "api --env"),
    "exec": ("exec nginx", "exec nginx -u root -- nginx -t"),
    "env": ("env api", "env api --into .copilot-local/api.env"),
    "aws": ("aws sqs list-queues", "aws s3 ls", "aws svc exec -n web -e prod"),
    "queues list": ("queues list",),
    "queues peek": ("queues peek worker", "queues peek worker/orders --dead"),
    "queues send": ("""queues send worker '{"Message": "{}"}'""", "queues send worker @message.json"),
    "queues redrive": ("queues redrive worker",),
    "queues purge": ("queues purge worker", "queues purge worker --dead"),
    "topics list": ("topics list",),
    "topics publish": ("topics publish api/orders '{\"id\": 1}' --attribute size=big",),
    "tables list": ("tables list",),
    "tables items": ("tables items api/Orders --limit 5",),
    "buckets list": ("buckets list",),
    "buckets objects": ("buckets objects api/Files --prefix invoices/",),
    "permissions": ("permissions", "permissions api --check"),
    "cp": ("cp nginx:/etc/nginx/nginx.conf .",),
    "route": ("route GET /api/orders", "route POST https://shop.test/ -H 'X-Beta: 1'"),
    "trace": ("trace GET /api/orders", "trace"),
    "traces": ("traces", "traces last", "traces --slow 200ms --errors", "traces --map", "traces config web"),
    "targets": ("targets",),
    "connect": ("connect", "connect web", "connect web --config"),
    "port": ("port", "port --all"),
    "forward": ("forward",),
    "open": ("open web", "open --print"),
    "console": ("console", "console -e test --port 8700 --print", "console --snapshot shop.ndjson"),
    "snapshot": ("snapshot", "snapshot -o shop.ndjson"),
    "trust": ("trust",),
    "trust-workspace": ("trust-workspace", "trust-workspace --yes"),
    "events": ("events -f",),
    "inspect": ("inspect",),
    "export": ("export -o report.tar.gz",),
    "validate": ("validate", "validate --all-envs --format sarif", "validate --explain CL101"),
    "config": ("config web -e prod", "config web --explain http.path"),
    "graph": ("graph", "graph web -e prod -o web.svg"),
    "schema": ("schema",),
    "reference": ("reference settings", "reference --man"),
    "doctor": ("doctor",),
    "render taskdef": ("render taskdef web -e prod --placeholders",),
    "render cloudformation": ("render cloudformation -e prod --output-dir build",),
    "render express": ("render express web -e prod", "render express web -e prod --in-copilot-environment -o build"),
    "render manifest": (
        "render manifest frontend",
        'render manifest frontend --as "Load Balanced Web Service" -o build',
    ),
    "render static-site": ("render static-site docs -e prod",),
    "render app": ("render app -e prod", "render app -e prod --account 123456789012 -o build"),
    "render environment": ("render environment -e prod", "render environment -e prod --in-place -o build"),
    "render pipeline": ("render pipeline release -o out", "render pipeline release --to buildspec"),
    "render compose": ("render compose web",),
    "leave report": ("leave report -e prod",),
    "leave protect": ("leave protect deployed.yml --stack shop-prod -o protected.yml",),
    "leave check": ("leave check protect.json --stack shop-prod", "leave check --phase takeover prod.json addons.json"),
    "firelens config": ("firelens config web",),
    "firelens check": ("firelens check web",),
    "firelens metrics": ("firelens metrics",),
    "firelens tail": ("firelens tail web",),
}
"""Command lines for each verb, without the program's name."""

WHERE_MORE: Final = (
    "`copilot-local VERB --help` shows the options of a verb. The documents are in the folder docs/ of the project;"
    " `copilot-local reference` prints every command, setting, manifest key and finding of this version."
)
