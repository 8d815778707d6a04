"""What the endpoint shows over TLS: its own certificate, or that for names of AWS."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from emulator.aws.certificates import BUNDLE_FILE, CA_FILE, ensure_aws_certificates, ensure_certificates
from emulator.aws.server import configuration
from emulator.runtime.specs.aws.names import CA_VARIABLES, NAMES_FOLDER, certified_names

NAMES = certified_names("eu-west-1")
OWN = "local-aws.internal"


async def shown(server: ssl.SSLContext, trusted: Path, name: str) -> None:
    """Connects to a server with that context. Raises ssl.SSLError where its certificate is not good for the name."""

    async def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    client = ssl.create_default_context(cafile=str(trusted))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    async with await asyncio.start_server(connected, "127.0.0.1", 0, ssl=server) as listening:
        port = listening.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
        await reader.read()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
def server(tmp_path: Path) -> ssl.SSLContext:
    certificate, key = ensure_certificates(tmp_path / "shared", tmp_path / "own", [OWN])
    named = ensure_aws_certificates(tmp_path / "shared" / "names", tmp_path / "own", NAMES)
    context = configuration("127.0.0.1:1", "127.0.0.1:2", certificate, key, named).create_ssl_context()
    assert context is not None
    return context


@pytest.mark.parametrize(
    "name",
    [
        *("sts.amazonaws.com", "sqs.eu-west-1.amazonaws.com", "streams.dynamodb.eu-west-1.amazonaws.com"),
        *("a-bucket.s3.amazonaws.com", "a-bucket.s3.eu-west-1.amazonaws.com", "A.s3-eu-west-1.amazonaws.com"),
        "a-bucket.s3.dualstack.eu-west-1.amazonaws.com",
    ],
)
def test_a_name_of_aws_has_a_certificate(server: ssl.SSLContext, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "shared" / "names"
    asyncio.run(shown(server, folder / CA_FILE, name))
    asyncio.run(shown(server, folder / BUNDLE_FILE, name))


def test_the_endpoints_own_name_keeps_its_certificate(server: ssl.SSLContext, tmp_path: Path) -> None:
    asyncio.run(shown(server, tmp_path / "shared" / CA_FILE, OWN))


@pytest.mark.parametrize("name", ["sqs.us-west-2.amazonaws.com", "a.bucket.s3.amazonaws.com", "example.com"])
def test_no_other_name_has_one(server: ssl.SSLContext, tmp_path: Path, name: str) -> None:
    with pytest.raises(ssl.SSLError):
        asyncio.run(shown(server, tmp_path / "shared" / "names" / CA_FILE, name))


def test_public_authorities_stay_trusted(server: ssl.SSLContext, tmp_path: Path) -> None:
    del server
    context = ssl.create_default_context(cafile=str(tmp_path / "shared" / "names" / BUNDLE_FILE))
    assert context.cert_store_stats()["x509_ca"] > 50


def test_they_are_made_once_and_again_for_other_names(tmp_path: Path) -> None:
    shared, own = tmp_path / "shared", tmp_path / "own"

    def made(region: str) -> tuple[bytes, bytes]:
        certificate, _ = ensure_aws_certificates(shared, own, certified_names(region))
        return certificate.read_bytes(), (shared / CA_FILE).read_bytes()

    first = made("eu-west-1")
    assert made("eu-west-1") == first
    other = made("eu-west-2")
    assert not set(other) & set(first)


def test_keys_are_the_endpoints_alone_and_the_rest_is_for_everyone(server: ssl.SSLContext, tmp_path: Path) -> None:
    del server
    for file in tmp_path.rglob("*.*"):
        assert file.stat().st_mode & 0o777 == (0o600 if file.suffix == ".key" else 0o644)
    assert not [file for file in (tmp_path / "shared").rglob("*") if file.suffix == ".key"]
    assert {Path(path).name for path in CA_VARIABLES.values()} == {CA_FILE, BUNDLE_FILE}
    assert NAMES_FOLDER.endswith("/names")
