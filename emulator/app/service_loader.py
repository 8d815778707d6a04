"""Reads the selected manifests, and collects what is missing or wrong in all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.app.app_mesh import patched_in
from emulator.app.compile import compiled, manifest_arguments, patches_not_here
from emulator.app.selection import LoadedService, Selection, find_target, warning
from emulator.errors import CopilotLocalError, NotOnEcs
from emulator.events import Emit, Event, EventKind
from emulator.missing import Blockers, Kind, Missing

if TYPE_CHECKING:
    from emulator.app.deployment import Deployment
    from emulator.manifest import Gaps


class ServiceLoader:
    """Loads, checks and compiles the services of a selection; continues after a service that fails."""

    def __init__(
        self,
        selection: Selection,
        emit: Emit,
        strict: bool,
        given: Deployment | None,
        https: bool | None,
        blockers: Blockers,
    ) -> None:
        from emulator.settings import load_settings

        self._target = find_target(selection)
        self._named = bool(selection.services)
        self._settings = load_settings(self._target.workspace.root)
        self._emit = emit
        self._strict = strict
        self._given = given
        self._here = given is None
        self._https = self._settings.front.https if given is None and https is None else https
        self._blockers = blockers

    def all(self) -> tuple[list[LoadedService], list[NotOnEcs]]:
        """The services that compiled, and the errors of those that do not run on ECS."""
        where = self._where()
        loaded, passed_over = [], []
        for name in self._target.services:
            with self._blockers.collecting():
                try:
                    if (one := self._one(name, where)) is not None:
                        loaded.append(one)
                except NotOnEcs as error:
                    if self._named:
                        raise
                    passed_over.append(error)
                    self._emit(Event(EventKind.WARNING, name, f"is passed over: {error.message}"))
        return loaded, passed_over

    def _where(self) -> Deployment:
        from emulator.app.deployment import Deployment, deployment, environment_addons, with_environment_manifest
        from emulator.manifest import Gaps

        target, gaps = self._target, Gaps()
        found = deployment(self._settings, target.environment, self._given or Deployment())
        with self._blockers.collecting():
            path = target.workspace.environment_manifest_path(target.environment)
            found = with_environment_manifest(found, path, target.app, target.variables, gaps)
        if self._here:
            with self._blockers.collecting():
                found = replace(found, environment_addons=environment_addons(target.workspace))
        self._add_variables(gaps, f"environment {target.environment}")
        return found

    def _add_variables(self, gaps: Gaps, owner: str) -> None:
        self._blockers.add(*(Missing(Kind.VARIABLE, one.name, owner, one.position) for one in gaps.found.values()))

    def _one(self, name: str, where: Deployment) -> LoadedService | None:
        from emulator.app.deployment import cdk_overrides
        from emulator.manifest import Gaps, load_with_gaps

        target = self._target
        undefined = Gaps()
        try:
            manifest = load_with_gaps(gaps=undefined, **manifest_arguments(target, name, self._strict))
        finally:
            self._add_variables(undefined, name)
        if manifest is None:
            return None
        for finding in manifest.findings:
            self._emit(warning(finding))
        if self._here and (overrides := cdk_overrides(target.workspace, name)) is not None:
            what = f"what the AWS CDK changes in {overrides} is not run here: it changes the deployed stack only"
            self._emit(Event(EventKind.WARNING, name, what))
        gaps = {(one.position.file, one.position.line) for one in undefined.found.values()}

        def follows(error: CopilotLocalError) -> bool:
            place = error.position
            return bool(gaps) and (place is None or (place.file, place.line) in gaps)

        loaded = None
        with self._blockers.collecting(lambda error: not follows(error)):
            service, around = compiled(target, name, manifest, where, here=self._here, https=self._https)
            for finding in patched_in(service, around):
                self._emit(warning(finding))
            if self._here:
                for finding in patches_not_here(target, service):
                    self._emit(warning(finding))
            loaded = LoadedService(service, self._settings, target.workspace, manifest, around, where)
        return loaded
