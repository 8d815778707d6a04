"""Tells the editor which schema manifests have, through the settings of its YAML extension.

A comment in each manifest (`# yaml-language-server: $schema=…`) would do the same, and change every one of them.
"""

from __future__ import annotations

import json

SCHEMA_FILE = ".copilot-local/manifest.schema.json"
SETTINGS_FILE = ".vscode/settings.json"
MANIFESTS = "copilot/*/manifest.yml"
_SECTION = "yaml.schemas"


def with_schema(text: str) -> str | None:
    """The editor's settings with the schema of manifests; the same text where they have it, None where nothing can be
    added without changing what stands there (comments, another form)."""
    if not text.strip():
        return json.dumps({_SECTION: {SCHEMA_FILE: [MANIFESTS]}}, indent=2) + "\n"
    try:
        before = json.loads(text)
    except ValueError:
        return text if SCHEMA_FILE in text else None
    if not isinstance(before, dict) or not isinstance(before.get(_SECTION, {}), dict):
        return None
    schemas = before.get(_SECTION, {})
    if SCHEMA_FILE in schemas:
        return text
    line = f'{json.dumps(SCHEMA_FILE)}: ["{MANIFESTS}"]'
    if _SECTION in before:
        at = text.index("{", text.index(f'"{_SECTION}"')) + 1
        inserted = f"\n    {line}" + ("," if schemas else "\n  ")
    else:
        at = text.index("{") + 1
        inserted = f'\n  "{_SECTION}": {{\n    {line}\n  }}' + ("," if before else "\n")
    after = text[:at] + inserted + text[at:]
    wanted = {**before, _SECTION: {**schemas, SCHEMA_FILE: [MANIFESTS]}}
    try:
        return after if json.loads(after) == wanted else None
    except ValueError:
        return None
