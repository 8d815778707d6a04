"""Waits until the endpoint answers and makes what has to be there: `python3 -m emulator.aws.prepare NEW REQUEST SEED`.

`NEW` is a JSON file: that of `emulator.aws.stacks.provision` without `seed`, with `log_groups` (`region=name`)
and `places`: where a workload's `queue NAME`, `topic NAME` or `subscription of NAME to NAME` stands, as `file:line`.
Prints the answer of `provision`, with `secret_values`: by ARN the text of every secret that an output names (a
parameter by its name), `looked_up`: the texts of what `lookups` of the request asks for (see `providers.stores`), and
`seeded`: what was seeded before, as far as a look into a file tells.
`NEW` goes once it is read, and `REQUEST` is it without `secrets` and `parameters`. Where it `adds`, for a task beside
the services of the environment, `REQUEST` keeps what these asked for as well. Exit code 3, with an `error` as
`StackError` has it, where something cannot be made, or where `other` of the request, the URL of an endpoint that
answers in place of the program here, is none. `SEED` is the file that generated passwords are derived from; it is made
at the first time. What the stacks made is kept in `made.json` beside `REQUEST`, for `emulator.aws.contents`.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError
from botocore.parsers import ResponseParserError

from emulator.aws.client import client, write_down
from emulator.aws.ports import PLAIN_PORT, TLS_PORT, UNREACHED

START_TIMEOUT = 60.0
REFUSED = 3
"""Exit code."""
_SECRET = ":secretsmanager:"
_PARAMETER = "AWS::SSM::Parameter"


def main(request: dict[str, Any], seed: Path, made_file: Path) -> int:
    deadline = time.monotonic() + START_TIMEOUT
    while not (_open(TLS_PORT) and _open(PLAIN_PORT)):
        if time.monotonic() > deadline:
            sys.exit(f"the local AWS endpoint does not answer after {START_TIMEOUT:.0f} s")
        time.sleep(0.05)
    if (wrong := _wrong_other(request)) is not None:
        json.dump({"error": wrong}, sys.stdout)
        return REFUSED
    for region, _, group in (item.partition("=") for item in request.get("log_groups", ())):
        with contextlib.suppress(EndpointConnectionError, HTTPClientError):
            _make(region, group)
    if "account" not in request:
        answer: dict[str, Any] = {}
    else:
        from emulator.aws.contents.seed_notes import NOTES, FileNotes
        from emulator.aws.stacks.problems import StackError
        from emulator.aws.stacks.providers.stores import looked_up
        from emulator.aws.stacks.provision import provision
        from emulator.aws.stacks.request import read_request

        try:
            answer = provision(read_request({**request, "seed": _seed(seed)}))
        except StackError as error:
            said = error.as_json()
            said["position"] = said["position"] or request.get("places", {}).get(said["subject"], "")
            json.dump({"error": said}, sys.stdout)
            return REFUSED
        _write(
            made_file,
            {**_kept(made_file, request), **{name: stack["resources"] for name, stack in answer["stacks"].items()}},
        )
        url, region = f"http://127.0.0.1:{PLAIN_PORT}", request["region"]
        secret = list(_secret_outputs(answer))
        stores = [("secretsmanager" if _SECRET in name else "ssm", name) for name in secret]
        answer["secret_values"] = dict(zip(secret, looked_up(url, region, stores), strict=True))
        if "other" not in request:
            answer["seeded"] = FileNotes(NOTES).read()["done"]
            with contextlib.suppress(HTTPError):  # no room: it refuses the next change with the reason
                write_down(url)
        answer["looked_up"] = looked_up(url, region, request.get("lookups", ()))
    json.dump(answer, sys.stdout)
    return 0


def _wrong_other(request: dict[str, Any]) -> dict[str, str] | None:
    """What is wrong with the endpoint that answers in place of the program here, `other` of the request, as an error
    of `provision`; None where nothing is."""
    if "other" not in request:
        return None
    url, account = request["other"], request.get("account")
    hint = "see whether it runs, and whether a container reaches it at this URL"
    try:
        found = client("sts", request.get("region", "us-east-1")).get_caller_identity()["Account"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        said = f"nothing answers at {url}" if code == str(UNREACHED) else f"{url} refuses sts:GetCallerIdentity: {code}"
    except (BotoCoreError, ResponseParserError, KeyError):
        said, hint = f"what answers at {url} is no AWS endpoint", "name one such as LocalStack, moto or floci"
    else:
        if account in (None, found):
            return None
        said = f"the account at {url} is {found}, and the names that tasks get are of {account}"
        hint = f"start it with this account (moto: MOTO_ACCOUNT_ID={account})"
    position = request.get("other_position", "")
    return {"stack": "[aws]", "subject": "endpoint", "position": position, "message": said, "hint": hint}


def _seed(file: Path) -> str:
    """The environment's seed, in hexadecimal. A database that keeps its data keeps its password with it."""
    with contextlib.suppress(FileExistsError):
        made = secrets.token_hex(32)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as new:
            new.write(made)
    return file.read_text(encoding="ascii")


def _secret_outputs(answer: dict[str, Any]) -> Iterator[str]:
    """The outputs that are the ARN of a secret, or the name of a parameter that a stack made."""
    resources = [one for stack in answer["stacks"].values() for one in stack["resources"].values()]
    parameters = {one["physical"] for one in resources if one["type"] == _PARAMETER}
    for stack in answer["stacks"].values():
        for output in stack["outputs"].values():
            if _SECRET in str(output["value"]) or output["value"] in parameters:
                yield output["value"]


def _make(region: str, group: str) -> None:
    try:
        client("logs", region).create_log_group(logGroupName=group)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise


def _write(file: Path, content: object) -> None:
    """Writes what others read at any time: they see it whole, or as it was before."""
    new = file.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        json.dump(content, stream)
    os.replace(new, file)


def _kept(file: Path, request: dict[str, Any]) -> dict[str, Any]:
    """What a file holds that the request adds to; nothing for one that takes its place."""
    return json.loads(file.read_text(encoding="utf-8")) if request.get("adds") and file.exists() else {}


def _both(old: Any, new: Any) -> Any:
    """What either asks for; of what both do, as the new one does."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _both(old.get(key), value) for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return [*(one for one in old if one not in new), *new]
    return new


def take(new: Path, file: Path) -> dict[str, Any]:
    """The request in `new`, which goes; `file` keeps it, without what is secret, for who looks into the endpoint."""
    request: dict[str, Any] = json.loads(new.read_text(encoding="utf-8"))
    shown = {key: value for key, value in request.items() if key not in ("secrets", "parameters", "adds")}
    _write(file, _both(_kept(file, request), shown))
    new.unlink()
    return request


def _open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    new, file, seed_file = map(Path, sys.argv[1:])
    sys.exit(main(take(new, file), seed_file, file.with_name("made.json")))
