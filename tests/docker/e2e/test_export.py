"""The bundle for a bug report: everything but the secrets, whatever state the environment is in."""

from __future__ import annotations

import base64
import stat
import tarfile
from pathlib import Path

import pytest

from tests.docker.project import Project, docker

pytestmark = pytest.mark.docker

SECRET = "open-sesame-42"


def texts_of(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as opened:
        found = {}
        for member in opened.getmembers():
            file = opened.extractfile(member)
            assert file is not None
            found[member.name.partition("/")[2]] = file.read().decode()
        return found


def test_a_bundle_has_everything_but_the_secrets(firelens: Project) -> None:
    secrets = "\nsecrets:\n  DB_PASSWORD: /shop/db\nvariables:\n  API_TOKEN: clear-99\n"
    secrets += "  DB: postgres://app:hush-url@db/x\n"
    firelens.append("copilot/hello/manifest.yml", secrets)
    firelens.write(".env", f"DB_PASSWORD={SECRET}\nSTRIPE=live-value-7\n")
    firelens.up()
    said = "stripe live-value-7, pw hush-url, $(printf u:$DB_PASSWORD | base64)"
    script = f"{{ echo the password is $DB_PASSWORD; echo {said}; }} > /proc/1/fd/1"
    docker("exec", firelens.container("hello"), "sh", "-c", script)
    firelens.run("export", "-o", "bundle.tar.gz").ok()
    archive = firelens.folder / "bundle.tar.gz"
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    texts = texts_of(archive)
    everything = "\n".join(texts.values())
    assert SECRET not in everything
    for leaked in ("clear-99", "live-value-7", "hush-url", base64.b64encode(f"u:{SECRET}".encode()).decode()):
        assert leaked not in everything
    assert "stripe <STRIPE>, pw <DB>" in everything
    assert "the password is <DB_PASSWORD>" in everything
    task = next(iter(firelens.tasks()))[:8]
    for path in (
        "README.txt",
        "plan.txt",
        "desired.json",
        "containers.json",
        "status.json",
        "tasks.json",
        "events.ndjson",
        "versions.json",
        "front/haproxy.cfg",
        f"routers/hello/{task}.conf",
        f"logs/hello/{task}/firelens_log_router.log",
        "logs/environment/agent.log",
        "workspace/copilot/hello/manifest.yml",
    ):
        assert texts.get(path), f"{path} not in {sorted(texts)}"
    assert "Not had" not in texts["README.txt"]

    # A broken manifest and no agent: what is left is worth having all the same.
    firelens.edit("copilot/hello/manifest.yml", "type:", "typo:")
    firelens.write(".copilot-local/secrets.env", "OTHER=live-value-8\n")
    docker("rm", "-f", firelens.container("agent"))
    result = firelens.run("export", "-o", "broken.tar.gz").ok()
    assert "missing from it; its README.txt says why" in result.err
    texts = texts_of(firelens.folder / "broken.tar.gz")
    for leaked in (SECRET, "live-value-7", "hush-url"):
        assert leaked not in "\n".join(texts.values())
    assert "plan.txt" not in texts
    assert "manifest.yml" in texts["README.txt"]
    assert texts[f"logs/hello/{task}/firelens_log_router.log"]
