from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from emulator.engine.docker.endpoint import DEFAULT_HOST, Tls, find_endpoint
from emulator.engine.docker.ssh import command
from emulator.errors import EngineUnavailable


def add_context(home: Path, name: str, host: str, *, tls: bool = False, skip: bool = False) -> Path:
    """A context as `docker context create` stores it; returns the folder of its TLS files."""
    hashed = hashlib.sha256(name.encode()).hexdigest()
    meta = home / ".docker" / "contexts" / "meta" / hashed
    meta.mkdir(parents=True)
    document = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": skip}}}
    (meta / "meta.json").write_text(json.dumps(document))
    folder = home / ".docker" / "contexts" / "tls" / hashed / "docker"
    if tls:
        folder.mkdir(parents=True)
        for file in ("ca.pem", "cert.pem", "key.pem"):
            (folder / file).write_text("")
    return folder


def use_context(home: Path, name: str) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}))


def test_without_anything_it_is_the_default_socket(tmp_path: Path) -> None:
    assert find_endpoint({}, tmp_path).host == DEFAULT_HOST


def test_docker_host_comes_before_contexts(tmp_path: Path) -> None:
    add_context(tmp_path, "colima", "unix:///colima.sock")
    use_context(tmp_path, "colima")
    found = find_endpoint({"DOCKER_HOST": "unix:///mine.sock", "DOCKER_CONTEXT": "colima"}, tmp_path)
    assert found.host == "unix:///mine.sock"
    assert found.source == "DOCKER_HOST=unix:///mine.sock"
    assert found.variables == {}


def test_docker_context_comes_before_the_current_one(tmp_path: Path) -> None:
    add_context(tmp_path, "colima", "unix:///colima.sock")
    add_context(tmp_path, "desktop", "unix:///desktop.sock")
    use_context(tmp_path, "colima")
    assert find_endpoint({}, tmp_path).host == "unix:///colima.sock"
    chosen = find_endpoint({"DOCKER_CONTEXT": "desktop"}, tmp_path)
    assert chosen.host == "unix:///desktop.sock"
    assert chosen.variables == {"DOCKER_CONTEXT": "desktop"}
    assert find_endpoint({"DOCKER_CONTEXT": "default"}, tmp_path).host == DEFAULT_HOST


def test_docker_config_moves_the_folder(tmp_path: Path) -> None:
    add_context(tmp_path, "colima", "unix:///colima.sock")
    use_context(tmp_path, "colima")
    found = find_endpoint({"DOCKER_CONFIG": str(tmp_path / ".docker")}, tmp_path / "elsewhere")
    assert found.host == "unix:///colima.sock"


@pytest.mark.parametrize("skip", [False, True])
def test_a_context_brings_its_tls_files(tmp_path: Path, skip: bool) -> None:
    folder = add_context(tmp_path, "far", "tcp://far:2376", tls=True, skip=skip)
    assert find_endpoint({"DOCKER_CONTEXT": "far"}, tmp_path).tls == Tls(
        str(folder / "ca.pem"), str(folder / "cert.pem"), str(folder / "key.pem"), verify=not skip
    )


def test_variables_bring_tls(tmp_path: Path) -> None:
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "ca.pem").write_text("")
    variables = {
        "DOCKER_HOST": "tcp://far:2376",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": str(tmp_path / "certs"),
    }
    assert find_endpoint(variables, tmp_path).tls == Tls(ca=str(tmp_path / "certs" / "ca.pem"))
    del variables["DOCKER_TLS_VERIFY"]
    assert find_endpoint(variables, tmp_path).tls is None


def test_a_broken_configuration_is_no_configuration(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text("{")
    assert find_endpoint({}, tmp_path).host == DEFAULT_HOST


def test_a_missing_context_says_how_to_list_them(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="no Docker context 'nope'") as caught:
        find_endpoint({"DOCKER_CONTEXT": "nope"}, tmp_path)
    assert "docker context ls" in caught.value.hint


def test_a_broken_context_names_its_file(tmp_path: Path) -> None:
    add_context(tmp_path, "bad", "unix:///x")
    meta = next((tmp_path / ".docker" / "contexts" / "meta").glob("*/meta.json"))
    meta.write_text('{"Endpoints": {}}')
    with pytest.raises(EngineUnavailable, match=r"cannot be read from .*meta\.json"):
        find_endpoint({"DOCKER_CONTEXT": "bad"}, tmp_path)


def test_ssh_is_asked_as_the_docker_command_asks_it(tmp_path: Path) -> None:
    assert find_endpoint({"DOCKER_HOST": "ssh://me@far"}, tmp_path).host == "ssh://me@far"
    words = command("ssh://me@far:2222/run/user/1000/docker.sock", tmp_path)
    assert words[-6:] == ["far", "docker", "--host", "unix:///run/user/1000/docker.sock", "system", "dial-stdio"]
    assert [words[words.index(option) + 1] for option in ("-l", "-p")] == ["me", "2222"]


@pytest.mark.parametrize(
    "host", ["ssh://", "ssh://-oProxyCommand=x", "ssh://-l@far", "ssh://me:secret@far", "ssh://far:x"]
)
def test_an_address_that_ssh_would_take_for_an_option_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(EngineUnavailable, match="is not the address of a Docker daemon over SSH"):
        command(host, tmp_path)


@pytest.mark.parametrize("host", ["/var/run/docker.sock", "gopher://x", "unix:"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(EngineUnavailable, match="is not the address of a Docker daemon"):
        find_endpoint({"DOCKER_HOST": host}, tmp_path)
