"""Networks and volumes."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping

from emulator.engine.docker.client import Client, Json
from emulator.engine.docker.containers import label_filter
from emulator.errors import Conflict, EngineError, NotFound

RESOURCE_TIMEOUT = 30.0


class Networks:
    """Bridge networks by name. Docker identifies them by id and allows several of one name."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._making = threading.Lock()

    def ensure(self, name: str, labels: Mapping[str, str]) -> None:
        """Makes a bridge network unless one of that name exists.

        Requests of one moment can each make one (seen with Docker 20.10): the oldest stays, the others are removed.
        """
        with self._making:
            if self._of_name(name):
                return
            body = {"Name": name, "Driver": "bridge", "CheckDuplicate": True, "Labels": dict(labels)}
            try:
                self._client.post("/networks/create", f"make network {name}", body=body, timeout=RESOURCE_TIMEOUT)
            except Conflict:
                return
            for network in self._of_name(name)[1:]:
                self._delete(str(network["Id"]))

    def remove(self, name: str) -> None:
        """Removes every network of that name. `Conflict` where a container is still in it."""
        for network in self._of_name(name):
            try:
                self._delete(str(network["Id"]))
            except EngineError as error:
                if "active endpoints" not in error.message:
                    raise
                self._drop_leftovers(str(network["Id"]))
                try:
                    self._delete(str(network["Id"]))
                except EngineError as again:
                    hint = f"`docker network inspect {name}` shows what is in it; a container that is gone leaves when "
                    raise Conflict(again.message, hint=f"{hint}Docker is restarted") from None

    def _drop_leftovers(self, network: str) -> None:
        """Endpoints of containers that are gone (a daemon that was killed leaves such) keep a network in use."""
        try:
            members = self._client.get(f"/networks/{network}", "show a network").get("Containers") or {}
        except NotFound:
            return
        known = {str(row["Id"]) for row in self._client.get("/containers/json", "list", params={"all": "1"})}
        for container, endpoint in members.items():
            if container not in known:
                body = {"Container": str(endpoint.get("Name") or container), "Force": True}
                # A daemon that has lost the endpoint refuses this too. Whether the network is free shows afterwards.
                with contextlib.suppress(EngineError):
                    self._client.post(f"/networks/{network}/disconnect", "disconnect a leftover", body=body)

    def with_labels(self, labels: Mapping[str, str]) -> list[str]:
        """Names of the networks that carry these labels."""
        found = self._client.get("/networks", "list networks", params=_filters(label=label_filter(labels)))
        return sorted({str(network["Name"]) for network in found})

    def _of_name(self, name: str) -> list[Json]:
        """Docker's name filter matches parts of names."""
        found = self._client.get("/networks", "list networks", params=_filters(name=[name]))
        same = [network for network in found if network["Name"] == name]
        return sorted(same, key=lambda network: (str(network.get("Created")), str(network["Id"])))

    def _delete(self, network: str) -> None:
        try:
            self._client.delete(f"/networks/{network}", "remove a network", timeout=RESOURCE_TIMEOUT)
        except NotFound:
            return


class Volumes:
    """Named volumes of the local driver."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ensure(self, name: str, labels: Mapping[str, str]) -> str:
        """Makes a volume unless it exists (Docker's create does just that); returns its mount point."""
        body = {"Name": name, "Driver": "local", "Labels": dict(labels)}
        answer = self._client.post("/volumes/create", f"make volume {name}", body=body, timeout=RESOURCE_TIMEOUT)
        return str(answer["Mountpoint"])

    def remove(self, name: str) -> None:
        """Removes a volume; a missing one is fine. `Conflict`: a container still uses it."""
        try:
            self._client.delete(f"/volumes/{name}", f"remove volume {name}", timeout=RESOURCE_TIMEOUT)
        except NotFound:
            return

    def with_labels(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        """Volumes that carry these labels: name to labels."""
        answer = self._client.get("/volumes", "list volumes", params=_filters(label=label_filter(labels)))
        return {
            str(volume["Name"]): {str(key): str(value) for key, value in (volume.get("Labels") or {}).items()}
            for volume in answer.get("Volumes") or []
        }


def _filters(**filters: list[str]) -> dict[str, str]:
    return {"filters": json.dumps({name: values for name, values in filters.items() if values})}
