"""Who is in charge of an environment, a command or its agent, and who is at work on which of its services."""

from __future__ import annotations

import threading
from collections.abc import Callable

from emulator.errors import TAKEN_DOWN, EnvironmentBusy
from emulator.runtime.planning.reconcile import PROVISIONS


class BeingBroughtUp(EnvironmentBusy):
    """A command that hands over when it is done is at work, or about to be."""

    def __init__(self) -> None:
        super().__init__(
            "another copilot-local command is bringing this environment up",
            hint="wait for it, or run `copilot-local down`",
        )


class ControlLock:
    """What a piece of work has to ask for before it begins.

    Code that reads several things of the environment, or changes what should run, holds `lock` meanwhile. Work takes
    longer: it claims its services under the lock, is carried out without it, and releases them.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._freed = threading.Condition(self.lock)
        self.acting = False
        """Whether the agent makes everything run as desired."""
        self.held = False
        """Whether a command is in charge."""
        self.providing = False
        """Whether a command makes what services live with."""
        self._stays = False
        self.retired = threading.Event()
        """Set for good once the environment is going away."""
        self.busy: set[str] = set()
        """Services that are being worked on, `FRONT` and `PROVISIONS`."""
        self.on_freed: Callable[[], None] = lambda: None
        """Called when work has ended."""

    @property
    def stays(self) -> bool:
        """Whether a command is in charge that stays, as the foreground `up` does."""
        return self.held and self._stays

    def hold(self, *, stays: bool) -> None:
        """A command takes charge, and `stays` or hands over when it is done. Raises `EnvironmentBusy` if another one
        has."""
        with self.lock:
            self.refuse_retired()
            if self.held:
                raise EnvironmentBusy(
                    "another copilot-local command is in charge of this environment",
                    hint="end it (Ctrl-C where it runs), or run `copilot-local down`",
                )
            self.held = True
            self._stays = stays
            self.acting = False

    def act(self) -> bool:
        """The agent takes charge; returns whether it has, which it has not where the environment is going away."""
        with self.lock:
            self.held = self._stays = False
            self.acting = not self.retired.is_set()
            return self.acting

    def retire(self) -> None:
        """The environment is going away: refuses all new work, and wakes the waiting."""
        self.retired.set()
        self.held = False
        self.acting = False
        with self._freed:
            self._freed.notify_all()

    def refuse_retired(self) -> None:
        """Raises `EnvironmentBusy` where the environment is going away."""
        if self.retired.is_set():
            raise EnvironmentBusy(TAKEN_DOWN, hint="wait for that, or run `copilot-local down`")

    def refuse_held(self, *, orphaned: bool = False) -> None:
        """Raises `EnvironmentBusy` unless the agent is in control. `orphaned` also allows an environment whose command
        died before it handed over."""
        self.refuse_retired()
        if not self._stays and (self.held or not (self.acting or orphaned)):
            raise BeingBroughtUp
        if self.held:
            raise EnvironmentBusy(
                "a foreground `copilot-local up` is in charge of this environment",
                hint="end it first (Ctrl-C where it runs), or start it with -d",
            )

    def provide(self, *, deploys: bool, orphaned: bool = False) -> None:
        """A command makes what services live with, until `provided`: nothing here touches it meanwhile. `deploys`: it
        is going to `apply` what needs that, and is refused as that would be. Raises `EnvironmentBusy`."""
        with self.lock:
            self.refuse_retired()
            if deploys:
                self.refuse_held(orphaned=orphaned)
            if self.providing:
                raise BeingBroughtUp
            self.providing = True
            try:
                self.claim({PROVISIONS})
            except BaseException:
                self.providing = False
                raise

    def provided(self) -> None:
        """The command has made what services live with, or has died."""
        with self.lock:
            self.providing = False
        self.release({PROVISIONS})

    def claim(self, subjects: set[str]) -> set[str]:
        """Takes services (and the front) for one piece of work, once other work on them has ended."""
        with self._freed:
            self._freed.wait_for(lambda: self.retired.is_set() or self.busy.isdisjoint(subjects))
            self.refuse_retired()
            self.busy |= subjects
        return subjects

    def release(self, subjects: set[str]) -> None:
        """Work on these has ended."""
        with self._freed:
            self.busy -= subjects
            self._freed.notify_all()
        self.on_freed()
