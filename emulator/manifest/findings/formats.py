"""Findings for programs: JSON and SARIF."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from emulator.errors import Finding, Severity

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def as_json(findings: Iterable[Finding]) -> str:
    """One JSON document: a list of findings, each with code, severity, message, file, line, column, path, hint and
    copilot_accepts. Line and column are null where a finding has no place."""
    return json.dumps([_plain(finding) for finding in findings], indent=2, ensure_ascii=False)


def _plain(finding: Finding) -> dict[str, object]:
    position = finding.position
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "file": position.file if position else None,
        "line": position.line if position else None,
        "column": position.column or None if position else None,
        "path": finding.path,
        "hint": finding.hint,
        "copilot_accepts": finding.copilot_accepts,
    }


def as_sarif(findings: Iterable[Finding], *, version: str) -> str:
    """A SARIF 2.1.0 log, for code scanning. `version` is copilot-local's."""
    found = list(findings)
    codes = sorted({finding.code for finding in found})
    rules = [_rule(code) for code in codes]
    driver = {"name": "copilot-local", "version": version, "rules": rules}
    results = [_result(finding, codes) for finding in found]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(code: str) -> dict[str, object]:
    from emulator.manifest.findings.catalogue import KINDS

    kind = KINDS.get(code)
    if kind is None:
        return {"id": code, "shortDescription": {"text": code}}
    return {"id": code, "shortDescription": {"text": kind.title}, "fullDescription": {"text": kind.explanation}}


def _result(finding: Finding, codes: list[str]) -> dict[str, object]:
    text = f"{finding.path}: {finding.message}" if finding.path else finding.message
    if finding.hint:
        text += f" ({finding.hint})"
    result: dict[str, object] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": "error" if finding.severity is Severity.ERROR else "warning",
        "message": {"text": text},
    }
    if (position := finding.position) is not None:
        region: dict[str, int] = {"startLine": position.line}
        if position.column:
            region["startColumn"] = position.column
        place = {"artifactLocation": {"uri": position.file.replace("\\", "/")}, "region": region}
        result["locations"] = [{"physicalLocation": place}]
    return result
