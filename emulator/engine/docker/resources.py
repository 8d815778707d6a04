"""Networks and volumes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence

from emulator.engine.docker.client import Client, Json
from emulator.engine.docker.containers import label_filter
from emulator.errors import Conflict, EngineError, NotFound

RESOURCE_TIMEOUT = 30.0


class Resources:
    """Networks and volumes. Docker identifies networks by id and allows several of one name."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._making = threading.Lock()

    def ensure_network(self, name: str, labels: Mapping[str, str]) -> None:
        """Makes a bridge network unless one of that name exists.

        Requests of one moment can each make one (seen with Docker 20.10): the oldest stays, the others are removed.
        """
        with self._making:
            if self._of_name(name):
                return
            try:
                with self._client.sdk(f"make network {name}", RESOURCE_TIMEOUT) as sdk:
                    sdk.create_network(name, "bridge", check_duplicate=True, labels=dict(labels))
            except Conflict:
                return
            for network in self._of_name(name)[1:]:
                self._delete(str(network["Id"]))

    def remove_network(self, name: str) -> None:
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
            with self._client.sdk("show a network") as sdk:
                members = sdk.inspect_network(network).get("Containers") or {}
        except NotFound:
            return
        with self._client.sdk("list containers") as sdk:
            known = {str(row["Id"]) for row in sdk.containers(all=True)}
        for container, endpoint in members.items():
            if container not in known:
                # A daemon that has lost the endpoint refuses this too. Whether the network is free shows afterwards.
                with contextlib.suppress(EngineError), self._client.sdk("disconnect a leftover") as sdk:
                    name = str(endpoint.get("Name") or container)
                    sdk.disconnect_container_from_network(name, network, force=True)

    def list_networks(self, labels: Mapping[str, str]) -> list[str]:
        """Names of the networks that carry these labels."""
        with self._client.sdk("list networks") as sdk:
            found = sdk.networks(filters=_labelled(labels))
        return sorted({str(network["Name"]) for network in found})

    def join_network(self, container: str, network: str, aliases: Sequence[str]) -> None:
        """Puts a container into a network, with these names there; nothing where it is in it already."""
        try:
            with self._client.sdk(f"put {container} into {network}", RESOURCE_TIMEOUT) as sdk:
                sdk.connect_container_to_network(container, network, aliases=list(aliases))
        except EngineError as error:
            if "already exists in network" not in error.message and "already attached to network" not in error.message:
                raise

    def _of_name(self, name: str) -> list[Json]:
        """Docker's name filter matches parts of names."""
        with self._client.sdk("list networks") as sdk:
            found = sdk.networks(names=[name])
        same = [network for network in found if network["Name"] == name]
        return sorted(same, key=lambda network: (str(network.get("Created")), str(network["Id"])))

    def _delete(self, network: str) -> None:
        with contextlib.suppress(NotFound), self._client.sdk("remove a network", RESOURCE_TIMEOUT) as sdk:
            sdk.remove_network(network)

    def ensure_volume(self, name: str, labels: Mapping[str, str]) -> str:
        """Makes a volume unless it exists (Docker's create does just that); returns its mount point."""
        with self._client.sdk(f"make volume {name}", RESOURCE_TIMEOUT) as sdk:
            return str(sdk.create_volume(name, "local", labels=dict(labels))["Mountpoint"])

    def remove_volume(self, name: str) -> None:
        """Removes a volume; a missing one is fine. `Conflict`: a container still uses it."""
        with contextlib.suppress(NotFound), self._client.sdk(f"remove volume {name}", RESOURCE_TIMEOUT) as sdk:
            sdk.remove_volume(name)

    def list_volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        """Volumes that carry these labels: name to labels."""
        with self._client.sdk("list volumes") as sdk:
            answer = sdk.volumes(filters=_labelled(labels))
        return {
            str(volume["Name"]): {str(key): str(value) for key, value in (volume.get("Labels") or {}).items()}
            for volume in answer.get("Volumes") or []
        }


def _labelled(labels: Mapping[str, str]) -> dict[str, list[str]]:
    """Docker's filter for these labels; none where there are none."""
    return {"label": label_filter(labels)} if labels else {}
