"""The control API over its real socket: who is in charge, and what is asked for."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator

import pytest

from emulator.engine.fake import Behaviour
from emulator.errors import EngineError
from emulator.events import Event, EventKind, discard
from emulator.model import from_json
from emulator.runtime.control.client import AgentBusy, AgentError
from emulator.runtime.control.http import Connection, request
from emulator.runtime.control.leases import Retirement
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.task_role import Keys, TaskRole
from emulator.settings import LocalOptions
from tests.unit.agent.rig import SHORT, Rig
from tests.unit.runtime.world import desired_state, make_service

Until = Callable[[Callable[[], object]], None]
SECRET = Private(services={"hello": {"hello": {"PASSWORD": "hunter2"}}})


def acting(state: DesiredState) -> DesiredState:
    return state.model_copy(update={"acting": True})


def start(rig: Rig, state: DesiredState) -> None:
    """The agent is in charge and all of it runs."""
    rig.boot(acting(state)).look()
    rig.run()


def saved(rig: Rig) -> DesiredState:
    return from_json(DesiredState, rig.state_file.read_bytes())


class TestBeingInCharge:
    def test_the_agent_does_nothing_while_a_command_is_in_charge(self, rig: Rig) -> None:
        supervisor = rig.boot(desired_state(make_service()))
        rig.agent.hold(Private())
        rig.clock.now += 3600
        supervisor.look()
        assert rig.tasks == []
        status = rig.agent.status()
        assert (status["held"], status["acting"]) == (True, False)

    def test_it_acts_when_the_command_hands_over(self, rig: Rig) -> None:
        supervisor = rig.boot(desired_state(make_service()))
        rig.agent.hold(SECRET).hand_over()
        supervisor.look()
        assert rig.engine.spec(rig.container("hello")).environment["PASSWORD"] == "hunter2"
        assert rig.agent.status()["acting"] is True

    def test_the_command_asks_over_the_connection_that_it_holds(self, rig: Rig) -> None:
        rig.boot(desired_state(make_service()))
        lease = rig.agent.hold(Private())
        assert [lease.status()["held"], lease.status()["held"]] == [True, True]
        lease.hand_over()
        assert rig.agent.status()["held"] is False

    def test_it_acts_when_the_connection_ends_without_a_word(self, rig: Rig, until: Until) -> None:
        supervisor = rig.boot(desired_state(make_service()))
        rig.agent.hold(Private())
        rig.streams[-1].close()  # as when the command is killed
        until(lambda: rig.agent.status()["acting"])
        supervisor.look()
        assert len(rig.tasks) == 1

    def test_it_acts_when_the_connection_ends_in_the_middle_of_a_word(self, rig: Rig, until: Until) -> None:
        rig.boot(desired_state(make_service()))
        rig.agent.hold(Private())
        rig.streams[-1].write(b"POST /v1/le")
        rig.streams[-1].close()
        until(lambda: rig.agent.status()["acting"])

    def test_it_acts_when_the_command_is_killed_before_it_hears_the_answer(self, rig: Rig, until: Until) -> None:
        rig.boot(desired_state(make_service()))
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(rig.socket))
            connection.sendall(request("POST", "hold", body={"private": {}}))
        until(lambda: rig.agent.status()["acting"])

    def test_it_does_nothing_any_more_once_the_command_takes_all_down(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(desired_state(make_service())))
        rig.agent.hold(Private()).leave()
        supervisor.look()
        assert rig.tasks == []
        assert rig.agent.status()["acting"] is False

    @pytest.mark.parametrize("how", ["retire", "leave"])
    def test_it_goes_when_the_command_that_took_all_down_is_killed(self, rig: Rig, until: Until, how: str) -> None:
        supervisor = rig.boot(acting(desired_state(make_service())))
        retirement = rig.agent.retire() if how == "retire" else rig.agent.hold(Private()).leave()
        assert not supervisor.abandoned.is_set()
        rig.streams[-1].close()
        until(supervisor.abandoned.is_set)
        retirement.close()

    def test_it_serves_on_while_one_of_two_commands_takes_all_down(self, rig: Rig, until: Until) -> None:
        supervisor = rig.boot(acting(desired_state(make_service())))
        first, second = rig.agent.retire(), rig.agent.retire()
        first.close()
        assert not rig.agent.status()["acting"]
        assert not supervisor.abandoned.is_set()
        second.close()
        until(supervisor.abandoned.is_set)

    def test_before_it_is_killed_it_stores_what_load_balancers_have_logged(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And for no command that does not take the environment down."""
        supervisor = rig.boot(acting(desired_state(make_service())))
        stored: list[bool] = []
        monkeypatch.setattr(supervisor.front, "finish_access_logs", lambda *, killed: stored.append(killed))
        assert not Retirement(rig.agent._open()).finish()
        assert stored == []
        retirement = rig.agent.retire()
        assert retirement.finish()
        assert stored == [True]
        retirement.close()

    def test_it_goes_when_it_had_nothing_to_do_and_the_command_that_asked_is_killed(
        self, rig: Rig, until: Until
    ) -> None:
        supervisor = rig.boot(desired_state())
        assert rig.agent.retire_if_idle()
        until(supervisor.abandoned.is_set)

    def test_what_is_asked_of_it_then_is_refused(self, rig: Rig) -> None:
        state = desired_state(make_service())
        rig.boot(state)
        rig.agent.hold(Private()).leave()
        with pytest.raises(AgentError, match="is being taken down"):
            rig.agent.apply(state, Private(), discard)
        with pytest.raises(AgentError, match="is being taken down"):
            rig.agent.hold(Private())

    def test_one_command_at_a_time_is_in_charge(self, rig: Rig) -> None:
        rig.boot(desired_state(make_service()))
        first = rig.agent.hold(Private())
        with pytest.raises(AgentError, match="another copilot-local command is in charge") as caught:
            rig.agent.hold(Private())
        assert caught.value.hint
        first.hand_over()
        rig.agent.hold(Private()).hand_over()

    def test_others_only_ask_while_a_command_is_in_charge(self, rig: Rig) -> None:
        state = desired_state(make_service())
        rig.boot(state)
        rig.agent.hold(Private(), stays=True)
        with pytest.raises(AgentError, match="a foreground `copilot-local up` is in charge"):
            rig.agent.apply(state, Private(), discard)
        assert rig.agent.status()["held"] is True

    def test_others_wait_for_a_command_that_hands_over(self, rig: Rig) -> None:
        state = desired_state(make_service())
        rig.boot(state)
        with pytest.raises(AgentBusy, match="is bringing this environment up"):
            rig.agent.apply(state, Private(), discard)  # it has not even taken charge yet
        lease = rig.agent.hold(Private())
        for orphaned in (False, True):
            with pytest.raises(AgentBusy, match="is bringing this environment up"):
                rig.agent.apply(state, Private(), discard, orphaned=orphaned)
        with pytest.raises(AgentBusy, match="is bringing this environment up"):
            rig.agent.scale({"hello": 2}, discard)
        lease.hand_over()
        rig.agent.apply(state, Private(), discard)
        assert len(rig.tasks) == 1

    def test_no_command_waits_for_one_that_has_died(self, rig: Rig) -> None:
        state = desired_state(make_service())
        rig.boot(state)
        rig.agent.apply(state, Private(), discard, orphaned=True)
        assert len(rig.tasks) == 1
        assert rig.agent.status()["acting"] is True

    def test_it_acts_by_itself_when_no_command_takes_over_in_time(self, rig: Rig) -> None:
        supervisor = rig.boot(desired_state(make_service()))
        rig.clock.now += SHORT.grace
        supervisor.look()
        assert rig.tasks == []
        rig.clock.now += 1
        supervisor.look()
        assert len(rig.tasks) == 1
        assert saved(rig).acting

    def test_it_starts_no_task_without_secrets_that_were_not_given(self, rig: Rig) -> None:
        state = desired_state(make_service(), make_service(name="web"))
        state.services["hello"].private_names = {"hello": ["PASSWORD"]}
        supervisor = rig.boot(state)
        rig.clock.now += SHORT.grace + 1
        supervisor.look()
        assert [task.service for task in rig.tasks] == ["web"]
        assert "its secrets are gone" in rig.agent.status()["services"]["hello"]["failure"]


class TestATaskThatACommandRuns:
    JOB = DesiredService(service=make_service(name="nightly", type="Scheduled Job"), options=LocalOptions())
    KEYS = Keys(access_key_id="AKIDEXAMPLE", secret_access_key="a-secret")
    OFFERED = Private(task_roles={"nightly": TaskRole(source="static", keys=KEYS)})

    def test_is_known_as_long_as_the_command_is_there(self, rig: Rig, until: Until) -> None:
        supervisor = rig.boot(acting(desired_state(make_service())))
        rig.agent.attend(self.JOB, self.OFFERED)
        assert supervisor.one_offs.services() == (self.JOB,)
        assert supervisor.one_offs.with_roles(supervisor.scheduler.private) == self.OFFERED.task_roles
        rig.streams[-1].close()  # as when the command is killed
        until(lambda: not supervisor.one_offs)
        assert supervisor.one_offs.with_roles(supervisor.scheduler.private) == {}

    def test_is_not_started_by_the_agent(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(desired_state()))
        rig.agent.attend(self.JOB, self.OFFERED)
        supervisor.look()
        assert rig.tasks == []

    def test_keeps_an_agent_that_has_nothing_else_to_do(self, rig: Rig) -> None:
        rig.boot(acting(desired_state()))
        attendance = rig.agent.attend(self.JOB, self.OFFERED)
        assert not rig.agent.retire_if_idle()
        attendance.close()
        assert rig.agent.retire_if_idle()
        with pytest.raises(AgentError, match="is being taken down"):
            rig.agent.apply(desired_state(make_service()), Private(), discard)

    def test_does_not_end_an_agent_that_services_have(self, rig: Rig) -> None:
        rig.boot(acting(desired_state(make_service())))
        assert not rig.agent.retire_if_idle()

    def test_does_not_end_an_agent_that_a_command_is_in_charge_of(self, rig: Rig) -> None:
        rig.boot(desired_state())
        rig.agent.hold(Private())
        assert not rig.agent.retire_if_idle()


class TestApply:
    def test_a_new_service_runs_when_the_answer_comes(self, rig: Rig) -> None:
        start(rig, desired_state(make_service()))
        events: list[Event] = []
        rig.agent.apply(desired_state(make_service(name="web")), Private(), events.append)
        assert sorted(task.service for task in rig.tasks) == ["hello", "web"]
        assert all(member.running for task in rig.tasks for member in task.members.values())
        assert any(event.kind is EventKind.STEP_DONE and "start web/web" in event.subject for event in events)
        assert sorted(saved(rig).services) == ["hello", "web"]

    def test_a_changed_definition_gets_the_next_revision(self, rig: Rig) -> None:
        start(rig, desired_state(make_service()))
        changed = desired_state(make_service({"hello": {"command": ["new"]}}))
        for expected in (2, 2):
            rig.agent.apply(changed, Private(), discard)
            assert rig.agent.status()["services"]["hello"]["revision"] == expected
            assert rig.task.revision == "2"
        assert rig.engine.spec(rig.container("hello")).command == ("new",)

    def test_private_values_of_other_services_stay(self, rig: Rig) -> None:
        supervisor = rig.boot(desired_state(make_service()))
        rig.agent.hold(SECRET).hand_over()
        rig.agent.apply(desired_state(make_service(name="web")), Private(services={"web": {}}), discard)
        supervisor.look()
        [hello] = [task for task in rig.tasks if task.service == "hello"]
        assert rig.engine.spec(hello.members["hello"].container.name).environment["PASSWORD"] == "hunter2"

    def test_no_secret_is_written_down(self, rig: Rig) -> None:
        rig.boot(acting(desired_state(make_service())))
        rig.agent.apply(desired_state(make_service()), SECRET, discard)
        assert b"hunter2" not in rig.state_file.read_bytes()

    def test_a_deployment_that_fails_is_told_and_what_ran_before_goes_on(self, rig: Rig, until: Until) -> None:
        start(rig, desired_state(make_service()))
        before = rig.task.id
        rig.engine.behave("*-hello", Behaviour(exits=(1,), log=("no settings",)))
        with pytest.raises(AgentError, match="container hello exited with code 1") as caught:
            rig.agent.apply(desired_state(make_service({"hello": {"command": ["bad"]}})), Private(), discard)
        assert caught.value.output == ["no settings"]
        until(lambda: [task.id for task in rig.tasks] == [before])
        assert saved(rig).services["hello"].service.task_definition.container("hello").command is None
        assert rig.agent.status()["services"]["hello"]["revision"] == 1

    def test_a_failed_first_deployment_leaves_no_task(self, rig: Rig, until: Until) -> None:
        start(rig, desired_state(make_service()))
        rig.engine.behave("*-db", Behaviour(exits=(1,)))
        waits = {"dependsOn": [{"containerName": "db", "condition": "SUCCESS"}]}
        with pytest.raises(AgentError, match="web needs it to succeed"):
            rig.agent.apply(
                desired_state(make_service({"web": waits, "db": {"essential": False}}, name="web")), Private(), discard
            )
        until(lambda: [task.service for task in rig.tasks] == ["hello"])


class TestErrors:
    def ask(self, rig: Rig, data: bytes) -> tuple[int, dict[str, object]]:
        """Status and body of the answer to these bytes."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(rig.socket))
            connection.sendall(data)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, json.loads(answer.read() or b"{}")

    def test_a_request_that_is_not_known_is_refused(self, rig: Rig) -> None:
        rig.boot(desired_state(make_service()))
        status, answer = self.ask(rig, request("POST", "dance"))
        assert status == 404
        message = "the agent does not know the request POST 'dance'"
        assert answer["error"] == {"message": message, "hint": "", "output": []}
        assert self.ask(rig, request("GET", "apply"))[0] == 404

    def test_another_version_of_the_api_is_refused(self, rig: Rig) -> None:
        rig.boot(desired_state(make_service()))
        status, answer = self.ask(rig, b"GET /v2/status HTTP/1.1\r\n\r\n")
        assert status == 404
        assert "speaks v1 of the control API, not v2" in str(answer["error"])

    def test_a_body_that_is_no_json_is_refused(self, rig: Rig) -> None:
        rig.boot(desired_state(make_service()))
        status, answer = self.ask(rig, b"POST /v1/scale HTTP/1.1\r\nContent-Length: 4\r\n\r\nnope")
        assert status == 400
        assert "is no JSON" in str(answer["error"])

    def test_who_does_not_hold_it_cannot_give_it_back(self, rig: Rig) -> None:
        supervisor = rig.boot(acting(desired_state(make_service())))
        for verb in ("act", "leave"):
            status, answer = self.ask(rig, request("POST", verb))
            assert status == 400
            assert "is not in charge" in str(answer["error"])
        supervisor.look()
        assert len(rig.tasks) == 1

    def test_what_fails_before_anything_happened_has_a_status_of_its_own(self, rig: Rig) -> None:
        start(rig, desired_state(make_service()))
        assert self.ask(rig, request("POST", "scale", body={"counts": {"nobody": 1}}))[0] == 400
        rig.agent.hold(Private(), stays=True)
        assert self.ask(rig, request("POST", "scale", body={"counts": {"hello": 1}}))[0] == 409

    def test_an_agent_of_another_protocol_is_told_in_words(self, rig: Rig) -> None:
        class Older:
            def write(self, data: bytes) -> None: ...
            def close_stdin(self) -> None: ...
            def chunks(self) -> Iterator[bytes]:
                return self.lines()

            def lines(self) -> Iterator[bytes]:
                yield b'{"error": {"message": "the agent failed"}}'

            def error_output(self) -> bytes:
                return b""

            def exit_code(self) -> int | None:
                return None

            def close(self) -> None: ...

        with pytest.raises(EngineError, match="the agent does not answer") as caught:
            list(Connection(Older()).ask(request("GET", "status")))
        assert "copilot-local up" in caught.value.hint

    def test_a_connection_without_a_request_is_no_trouble(self, rig: Rig) -> None:
        rig.boot(desired_state(make_service()))
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(rig.socket))
        assert rig.agent.status()["acting"] is False
