"""A Docker daemon as on another machine: with an address of its own, reached over TLS and over SSH."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

from tests.docker.project import wait_until
from tests.docker.remote.private_daemon import CALL, PrivateDaemon

TLS_PORT, SSH_PORT = 2376, 2222
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


def run(*words: str | Path) -> None:
    """A command that has to succeed."""
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=CALL, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"


class RemoteDaemon(PrivateDaemon):
    """It listens at `address` alone, and at its machine's /var/run/docker.sock, which is not this machine's."""

    PREPARE = "mount -t tmpfs tmpfs /run && "

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        net = random.randrange(250)
        self.near, self.address = f"10.213.{net}.1", f"10.213.{net}.2"
        self.certificates = self.folder / "tls"
        self._link = f"cl-r{os.getpid() % 10**7}"
        self._sshd: subprocess.Popen[bytes] | None = None
        self._make_link()
        self._make_certificates()

    def options(self) -> list[str]:
        """Of `dockerd`."""
        files = [f"--tls{name}={self.certificates}/server-{name}.pem" for name in ("cert", "key")]
        hosts = ["--host=unix:///var/run/docker.sock", f"--host=tcp://{self.address}:{TLS_PORT}"]
        # As some daemons are configured, so that a slow disk holds no program up: lines are dropped instead.
        logs = ["--log-opt=mode=non-blocking", "--log-opt=max-buffer-size=8k"]
        return [*hosts, "--tlsverify", f"--tlscacert={self.certificates}/ca.pem", *files, *logs]

    def _make_link(self) -> None:
        pid = self._inside[2]
        run("ip", "link", "add", self._link, "type", "veth", "peer", "name", "far", "netns", pid)
        run("ip", "address", "add", f"{self.near}/30", "dev", self._link)
        run("ip", "link", "set", self._link, "up")
        run(*self._inside, "ip", "address", "add", f"{self.address}/30", "dev", "far")
        run(*self._inside, "ip", "link", "set", "far", "up")

    def _make_certificates(self) -> None:
        """An authority, and what it signed for the daemon and for its clients, as Docker's documents say."""
        folder = self.certificates
        folder.mkdir()
        request = ("openssl", "req", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
        run(*request, "-x509", "-subj", "/CN=authority", "-keyout", folder / "ca-key.pem", "-out", folder / "ca.pem")
        signed = {"server-": f"subjectAltName=IP:{self.address}", "": "extendedKeyUsage=clientAuth"}
        for prefix, extension in signed.items():
            key, asked, made = (folder / f"{prefix}{end}" for end in ("key.pem", "request.pem", "cert.pem"))
            run(*request, "-subj", "/CN=test", "-keyout", key, "-out", asked)
            (folder / "extension").write_text(extension)
            authority = ("-CA", folder / "ca.pem", "-CAkey", folder / "ca-key.pem", "-CAcreateserial")
            run("openssl", "x509", "-req", "-in", asked, *authority, "-extfile", folder / "extension", "-out", made)

    @property
    def over_tls(self) -> dict[str, str]:
        """The variables that lead the `docker` command there."""
        host = f"tcp://{self.address}:{TLS_PORT}"
        return {"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(self.certificates)}

    def context(self, folder: Path) -> dict[str, str]:
        """The variables of a `docker context` that leads there; it is made in that folder."""
        files = {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}
        words = [f"{name}={self.certificates / file}" for name, file in files.items()]
        docker = ",".join([f"host=tcp://{self.address}:{TLS_PORT}", *words])
        run("docker", "--config", folder, "context", "create", "far", "--docker", docker)
        return {"DOCKER_CONFIG": str(folder), "DOCKER_CONTEXT": "far"}

    def start_sshd(self) -> dict[str, str]:
        """Starts an SSH server on that machine; returns the variables that lead there, with keys of the test's own."""
        folder = self.folder / "ssh"
        home = folder / "home"
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        for key in (folder / "host", home / ".ssh" / "id_ed25519"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        (home / ".ssh" / "authorized_keys").write_text((home / ".ssh" / "id_ed25519.pub").read_text())
        configuration = [
            f"ListenAddress {self.address}:{SSH_PORT}",
            f"HostKey {folder / 'host'}",
            f"AuthorizedKeysFile {home}/.ssh/authorized_keys",
            f"PidFile {folder / 'pid'}",
            f"SetEnv HOME={folder}",  # a shell that SSH starts reads ~/.bashrc, for each connection
            "PasswordAuthentication no\nUsePAM no\nStrictModes no\nPermitRootLogin yes",
        ]
        (folder / "sshd_config").write_text("\n".join(configuration) + "\n")
        known = (folder / "host.pub").read_text()
        (home / ".ssh" / "known_hosts").write_text(f"[{self.address}]:{SSH_PORT} {known}")
        options = f"-o IdentityFile={home}/.ssh/id_ed25519 -o UserKnownHostsFile={home}/.ssh/known_hosts"
        # The `ssh` command finds its files by the user's entry in /etc/passwd, not by HOME: one of our own is first.
        (folder / "bin").mkdir()
        (folder / "bin" / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} {options} "$@"\n')
        (folder / "bin" / "ssh").chmod(0o755)
        run(*self._inside, "mkdir", "-p", "/run/sshd")
        log = folder / "log"
        self._sshd = subprocess.Popen(
            [*self._inside, SSHD, "-D", "-E", str(log), "-f", str(folder / "sshd_config")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        found = {
            "DOCKER_HOST": f"ssh://root@{self.address}:{SSH_PORT}",
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        }

        def answers() -> bool:
            version = ("docker", "version", "--format", "{{.Server.Version}}")
            done = subprocess.run(version, env={**os.environ, **found}, capture_output=True, timeout=CALL, check=False)
            return done.returncode == 0

        wait_until(answers, lambda: f"an answer over SSH:\n{log.read_text() if log.exists() else ''}")
        return found

    def close(self) -> None:
        """With the link, and the server that ends with its namespace."""
        super().close()
        if self._sshd is not None:
            self._sshd.wait(CALL)
