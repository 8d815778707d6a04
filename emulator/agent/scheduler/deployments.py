"""What the control API asks of an agent in charge: to run something else than before, and to stop a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from emulator.agent.scheduler.control_lock import ControlLock
from emulator.agent.scheduler.history import Stop
from emulator.agent.scheduler.roll_out import RollOut
from emulator.agent.scheduler.rollout_records import State, with_values_of
from emulator.agent.scheduler.scheduler import Scheduler
from emulator.errors import CopilotLocalError, InputError, Unsupported
from emulator.events import Emit
from emulator.runtime.planning.reconcile import FRONT
from emulator.runtime.planning.replace_containers import edit
from emulator.runtime.planning.stop_plan import stop_task
from emulator.runtime.specs.load_balancer import front_specs
from emulator.runtime.specs.task import TaskFactory, task_factory
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.observed import observe
from emulator.runtime.state.operations import Plan
from emulator.spelling import closest

STOPPED_BY_USER = "stopped by the user"


class Deployments:
    """Changes of what should run, one after the other, each of which is waited for."""

    def __init__(self, control: ControlLock, scheduler: Scheduler) -> None:
        self._control = control
        self._scheduler = scheduler

    def apply(
        self,
        wanted: DesiredState,
        private: Private,
        emit: Emit,
        *,
        in_place: bool = False,
        orphaned: bool = False,
    ) -> None:
        """Merges what should run into what runs already, and makes it so. Raises what went wrong.

        `in_place`: where single containers of a task differ, they are replaced in the task that runs. `orphaned`: the
        command that made this agent has died before it took charge.
        """

        def changed(state: DesiredState) -> DesiredState:
            # Private values are in no hash; only here are the old and the new ones at hand.
            old = self._scheduler.private
            new = [name for name in wanted.services if old.of_service(name) != private.of_service(name)]
            return state.merged_with(wanted, forced=new)

        self._deploy(list(wanted.services), changed, emit, private, again=True, in_place=in_place, orphaned=orphaned)

    def order(self, wanted: DesiredState, private: Private) -> None:
        """Merges what should run into what runs already, as UpdateService does: it is written down, and the agent's own
        looks carry it out, as long as that takes. Private values that are not given stay as they are."""
        control, scheduler = self._control, self._scheduler
        services = list(wanted.services)
        with control.lock:
            control.refuse_held()
            previous, old = scheduler.state, scheduler.private
            private = completed(private, wanted, old)
            new = [name for name in services if old.of_service(name) != private.of_service(name)]
            scheduler.state = previous.merged_with(wanted, forced=new)
            scheduler.private = old.updated(private)
            scheduler.lost -= set(services)
            scheduler.front.use(scheduler.state, scheduler.private.certificates)
            scheduler.back_off.forgive(services)
            scheduler.rollouts.begin(scheduler.state, services, previous, old)
            scheduler.remember()
        control.on_freed()

    def remove_service(self, name: str) -> None:
        """A service that the ECS API has created is not to run any more; its tasks are stopped without being waited
        for. Raises `InputError` for one that is not there, or a manifest's."""
        control, scheduler = self._control, self._scheduler
        with control.lock:
            control.refuse_held()
            if not scheduler.service(name).from_api:
                raise InputError(
                    f"{name} is a manifest's service, which the ECS API does not delete",
                    hint="`copilot-local stop` stops its tasks, `copilot-local down` takes the environment down",
                )
            rest = {key: desired for key, desired in scheduler.state.services.items() if key != name}
            scheduler.state = scheduler.state.model_copy(update={"services": rest})
            scheduler.front.use(scheduler.state, scheduler.private.certificates)
            scheduler.rollouts.forget(name)
            scheduler.history.unwanted(name, "its service is not wanted any more", scheduler.state)
            scheduler.remember()
        control.on_freed()

    def stop_deployment(self, name: str) -> None:
        """Ends the deployment of a service that is in progress, and goes back to the last one that succeeded, as
        StopServiceDeployment in ECS does. Raises `InputError` where there is none, or nothing to go back to."""
        control, scheduler = self._control, self._scheduler
        with control.lock:
            control.refuse_held()
            desired, current = scheduler.service(name), scheduler.rollouts.state_of(name)
            if current is None or current.state is not State.IN_PROGRESS or current.rolls_back:
                raise InputError(f"no deployment of {name} is in progress", hint="`copilot-local ps` says how it went")
            if scheduler.rollouts.target_of(desired, asked=True) is None:
                raise InputError(f"no deployment of {name} has succeeded before, so there is nothing to go back to")
            if not scheduler.stops.by_command(name):
                scheduler.roll_back(name)
                scheduler.remember()
            scheduler.stops.interrupt(name)
        control.on_freed()

    def scale(self, counts: dict[str, int], emit: Emit) -> None:
        """Sets how many tasks services should run, until the next `up` of them, and waits until new ones are healthy.
        Raises `Unsupported` for tasks of a service that came up with none; `NotHealthy` where a new one does not become
        so."""
        for name, count in counts.items():
            desired = self._scheduler.service(name)
            if desired.service.schedule is not None:
                raise Unsupported(f"{name} is a job: its schedule runs its tasks", hint=f"`copilot-local run {name}`")
            if count and not desired.service.desired_count and not desired.options.images:
                raise Unsupported(
                    f"{name} came up with no tasks, so its images, secrets and files are not here",
                    hint=f"`copilot-local up {name} --scale {name}={count}`",
                )
        self._change({name: {"count": count} for name, count in counts.items()}, emit, steady=True)

    def redeploy(self, services: list[str], emit: Emit) -> None:
        """Replaces every task of these services (none: all) by a new one of the same definition."""
        service = self._scheduler.service
        chosen = services or list(self._scheduler.state.services)
        anew = {name: {"deployments": service(name).deployments + 1, "known_names": None} for name in chosen}
        self._change(anew, emit)

    def stop_task(self, task_id: str, emit: Emit, reason: str = "") -> None:
        """Stops one task, named by its id or the beginning of it, for a reason of the user's, as StopTask in ECS; the
        scheduler replaces it."""
        scheduler = self._scheduler
        with self._control.lock:
            self._control.refuse_held()
            tasks = observe(scheduler.engine, scheduler.names).tasks.values()
            found = [task for task in tasks if task.id.startswith(task_id)]
            if len(found) != 1:
                meant = closest(task_id, scheduler.state.services) if not found else ""
                hint = "`copilot-local ps` shows the ids"
                raise InputError(
                    f"{'no task' if not found else 'several tasks'} of that id: {task_id}",
                    hint=f"did you mean the service {meant}? {hint}" if meant else hint,
                )
            scheduler.history.stopping(found[0].id, Stop("UserInitiated", reason or "Task stopped by user"))
            scheduler.front.refresh()  # and with it what is told of the task
            claimed = self._control.claim({found[0].service})
        try:
            # Other work on the service may have gone on until now.
            task = observe(scheduler.engine, scheduler.names).tasks.get(found[0].id)
            if task is not None:
                plan = Plan()
                delay = 0 if front_specs(scheduler.state) else None
                stop_task(plan, task, STOPPED_BY_USER, deregister=delay, withdraw=True)
                scheduler.executor(emit).run(plan)
        except CopilotLocalError:
            with self._control.lock:
                scheduler.doomed_by(found[0].id, STOPPED_BY_USER)  # it is stopped at the next look
            raise
        finally:
            self._control.release(claimed)

    def _change(self, updates: Mapping[str, Mapping[str, int | None]], emit: Emit, *, steady: bool = False) -> None:
        def changed(state: DesiredState) -> DesiredState:
            service = self._scheduler.service
            services = {name: service(name).model_copy(update=update) for name, update in updates.items()}
            return state.model_copy(update={"services": {**state.services, **services}})

        self._deploy(list(updates), changed, emit, steady=steady)

    def _deploy(
        self,
        services: list[str],
        change: Callable[[DesiredState], DesiredState],
        emit: Emit,
        private: Private | None = None,
        *,
        again: bool = False,
        in_place: bool = False,
        orphaned: bool = False,
        steady: bool = False,
    ) -> None:
        """Makes a changed state the desired one and waits for it. Tasks that fail are replaced until the circuit
        breaker gives the deployment up and rolls it back, as in ECS; after any other failure all is as it was before.

        What goes on in other services goes on meanwhile. `again`: services whose tasks fail are deployed anew although
        nothing of them changes. `steady`: tasks beside those that run have to become healthy.
        """
        control, scheduler = self._control, self._scheduler
        with control.lock:
            control.refuse_held(orphaned=orphaned)
            claimed = control.claim({*services, FRONT})
            try:
                control.refuse_held(orphaned=orphaned)
                previous, previous_private = scheduler.state, scheduler.private
                scheduler.state = change(previous)
            except BaseException:
                control.release(claimed)
                raise
            scheduler.private = previous_private.updated(private) if private else previous_private
            scheduler.lost -= set(services) if private else set()
            scheduler.front.use(scheduler.state, scheduler.private.certificates)
            scheduler.back_off.forgive(services)
            ended = self._end_tasks(services)
        begun: list[str] = []
        try:
            edited = self._edit(task_factory(previous, previous_private, scheduler.engine), services, in_place)
            begun = scheduler.rollouts.begin(scheduler.state, services, previous, previous_private, again=again)
            scheduler.shifts.keep(begun, previous)
            if scheduler.shifts.waits_before(begun):
                claimed.discard(FRONT)
                control.release({FRONT})
            scheduler.shifts.prepare(begun, previous, emit, control.retired)
            with scheduler.remembering() as keep:
                if edited:
                    with scheduler.front.keeping({operation.task_id for operation in edited.operations}):
                        scheduler.executor(emit).run(edited)
                failure = RollOut(control, scheduler, services, claimed, emit, steady=steady).run(begun)
                with control.lock:
                    control.acting = True
                    if failure is None and not scheduler.shifts.shift(begun):
                        keep()
                    else:
                        scheduler.remember()  # with what others have deployed while requests went over
        except BaseException as error:
            with control.lock:
                scheduler.state = scheduler.state.with_services_of(previous, services)
                scheduler.private = with_values_of(scheduler.private, previous, previous_private, services)
                scheduler.front.use(scheduler.state)
                scheduler.shifts.keep(begun, previous)
                scheduler.history.spare(ended)
                words = error.message if isinstance(error, CopilotLocalError) else "it was ended"
                for name in begun:
                    scheduler.rollouts.give_up(name, f"ECS deployment failed: {words}", scheduler.state)
            control.refuse_retired()
            raise
        finally:
            control.release(claimed)
        if failure is not None:
            raise failure

    def _end_tasks(self, services: list[str]) -> list[str]:
        """Of services that are to have no tasks, none is to run from now on; returns the ids of those that were."""
        state, history = self._scheduler.state, self._scheduler.history
        none = [name for name in services if state.services[name].desired_count == 0]
        return [one for name in none for one in history.unwanted(name, "more tasks than the desired 0", state)]

    def _edit(self, previous: TaskFactory, services: list[str], in_place: bool) -> Plan:
        """Where wanted, what replaces the containers that differ in the tasks that run."""
        if not in_place:
            return Plan()
        scheduler = self._scheduler
        with self._control.lock:
            edited = edit(previous, scheduler.factory(), services, observe(scheduler.engine, scheduler.names))
            scheduler.state = edited.state
            scheduler.front.use(scheduler.state)
        return edited.plan


def completed(private: Private, wanted: DesiredState, old: Private) -> Private:
    """With the present values of those private variables that are not given anew."""
    services = {
        name: {
            container: {
                variable: value
                for source in (old.of(name, container), private.of(name, container))
                for variable, value in source.items()
                if variable in desired.private_names.get(container, ())
            }
            for container in (one.name for one in desired.service.task_definition.container_definitions)
        }
        for name, desired in wanted.services.items()
    }
    roles = {name: role for name, role in old.task_roles.items() if name in services}
    return private.model_copy(update={"services": services, "task_roles": {**roles, **private.task_roles}})
