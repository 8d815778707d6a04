"""Stands between Docker's log driver and a task's log router.

`python3 -m emulator.agent.log_relay.relay SOCKET ROUTER BUFFER FILE SETTLED [FIELD=VALUE…]`.

What Docker has written to a socket is lost when its reader dies. So Docker writes to a socket of ours, which is
there as long as the task, and each line is kept until Fluent Bit has acknowledged that it is in its buffer on disk.
Each goes on as the message that Docker made of it, so that filters see them singly, in order, as behind Docker itself.
When the router dies, what it had not acknowledged goes to the next one. While none comes, the lines are held, then
written to FILE in the log store, so that no container waits for a dead router.
"""

from __future__ import annotations

import contextlib
import itertools
import selectors
import signal
import socket
import sys
import time
from pathlib import Path

import msgpack

from emulator.agent.capabilities import DAC_OVERRIDE, keep_only
from emulator.agent.log_relay.buffer_recovery import stored, take_back
from emulator.agent.log_relay.flow import READ, Flow
from emulator.agent.log_relay.forward import Batch, acknowledged
from emulator.agent.log_relay.own_log import say
from emulator.agent.log_relay.store_writer import StoreWriter

IN_FLIGHT = 2
"""Batches on their way to the router: while it stores one, the next is there. One acknowledgement each: Fluent Bit does
not wait for room to send one, so there must be few."""
HELD = 1 << 20
"""Bytes that are held for each container before it has to wait for a router that is slow."""
HELD_WITHOUT_ROUTER = 16 << 20
"""The same while no router is there, for all containers together: their task's memory may be what holds it."""
ROUTER_TIMEOUT = 30.0
"""Seconds that a router may be away before its lines are written to the log store."""
ROUTER_TIMEOUT_WHILE_FULL = 5.0
"""The same once a container has to wait: when it exits, Docker waits ten seconds for the rest of its output."""
POLL = 0.02
AGAIN = 1.0
"""Seconds between two tries to make Docker's socket."""
BREATH = 0.001
"""Seconds that it looks away while lines come in quick succession. Docker writes each by itself: to be woken for each
costs more than to carry them, and takes the processor from the router."""
GRACE = 1.0
"""Seconds from the end of one connection until its lines are sent again: a router that dies closes one after another,
and what it had begun to store is looked for once all are closed."""


class Relay:
    """`path` is Docker's socket, `router` the log router's, `buffer` the folder of its buffer; `file` is for what no
    router takes, with `metadata`: the fields that the router would have added.

    `settled` is made once nothing is held any more, after SIGUSR1, and says how many records went to the log store so
    far; a second number, if any, says how many are lost since it cannot be written. The router must not see its folder:
    it would choose what is read and written there.
    """

    def __init__(
        self, path: Path, router: Path, buffer: Path, file: Path, settled: Path, metadata: dict[str, str]
    ) -> None:
        self._path = path
        self._router = router
        self._buffer = buffer
        self._store = StoreWriter(file, metadata)
        self._settled = settled
        self._selector = selectors.DefaultSelector()
        self._flows: list[Flow] = []
        self._chunks = itertools.count()
        self._watch: socket.socket | None = None
        """A connection that says nothing: its end is the router's."""
        self._gone_since = time.monotonic()
        self._settling = False
        self._read_at = 0.0
        """When a container's output was read last."""
        self._signals, self._wake = socket.socketpair()
        self._selector.register(self._signals, selectors.EVENT_READ)

    def settle(self, *_: object) -> None:
        """Asks for the file `settled` as soon as nothing is held and nothing is left to read. A signal handler."""
        self._settling = True
        with contextlib.suppress(BlockingIOError):
            self._wake.send(b"s")

    def run(self) -> None:
        """Relays without end: with it would end pause, and so the task. Docker's socket is made when the router listens
        for the first time."""
        self._wake.setblocking(False)
        while (watch := self._connect()) is None:
            if self._settling:
                self._say_settled()
            time.sleep(POLL)
        self._router_is_there(watch)
        while (listener := self._listen()) is None:
            time.sleep(AGAIN)
        while True:
            waits = self._settling or self._watch is None or any(flow.resend_at for flow in self._flows)
            ready = self._selector.select(POLL if waits else None)
            # Before all else: what a router had begun to store is taken back only until the next one listens.
            told = self._watch if any(key.fileobj is self._watch for key, _ in ready) else None
            if told is not None and _read(told) == b"":
                self._router_is_gone()
            for key, events in ready:
                if key.fileobj is listener:
                    self._accept(listener)
                elif key.fileobj is self._signals:
                    self._signals.recv(64)
                elif key.data is not None:  # else it is the router's that was closed just now
                    self._serve(key.data, key.fileobj, events)
            if self._watch is None:
                self._look_for_a_router()
            elif waits:
                self._resend()
            if self._settling and not ready and self._is_settled():
                self._say_settled()
            self._breathe(any(key.data is not None and key.fileobj is key.data.driver for key, _ in ready))

    def _breathe(self, has_read: bool) -> None:
        """Looks away for a moment where this round and the one just before it have read what a container printed."""
        if not has_read:
            return
        if time.monotonic() - self._read_at < 2 * BREATH:
            time.sleep(BREATH)
        self._read_at = time.monotonic()

    def _say_settled(self) -> None:
        self._settling = False
        held = [batch for flow in self._flows for batch in flow.waiting]
        beside = self._settled.with_suffix(".new")
        try:
            beside.write_text(self._store.balance(held, self._buffer))
            beside.replace(self._settled)
        except OSError:
            self._settling = True  # it is tried again: who asked tells that no answer came

    # the router

    def _connect(self) -> socket.socket | None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as unless_it_works:
            connection = unless_it_works.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(str(self._router))
            connection.setblocking(False)
            unless_it_works.pop_all()
            return connection
        return None

    def _router_is_there(self, watch: socket.socket) -> None:
        self._watch = watch
        self._store.is_spared()
        self._selector.register(watch, selectors.EVENT_READ)
        for flow in list(self._flows):
            self._send(flow)

    def _router_is_gone(self) -> None:
        """Takes back what it had not acknowledged; from its buffer too, unless the next one has that already: then what
        stands there is not sent again."""
        if self._watch is None:
            return
        self._close(self._watch)
        self._watch = None
        self._gone_since = time.monotonic()
        self._store.is_needed()
        for flow in self._flows:
            self._read_answers(flow)
            self._lose_router(flow)
        unfinished = [batch for flow in self._flows for batch in flow.in_flight.values()]
        if not self._listens():
            take_back(self._buffer, unfinished)
        else:
            self._leave_what_is_stored(unfinished)
        for flow in list(self._flows):
            self._give_back(flow)
            self._continue(flow)  # more may be held while no router is there

    def _leave_what_is_stored(self, unfinished: list[Batch]) -> None:
        counts = dict(zip(map(id, unfinished), stored(self._buffer, unfinished), strict=True))
        for flow in self._flows:
            for chunk, batch in list(flow.in_flight.items()):
                rest = batch.after(counts[id(batch)])
                flow.held -= batch.size - (rest.size if rest else 0)
                if rest is None:
                    del flow.in_flight[chunk]
                else:
                    flow.in_flight[chunk] = rest

    def _look_for_a_router(self) -> None:
        if watch := self._connect():
            self._router_is_there(watch)
        elif self._settling or time.monotonic() - self._gone_since > self._router_timeout():
            self._write_down()

    def _router_timeout(self) -> float:
        return ROUTER_TIMEOUT if all(flow.reading or flow.ended for flow in self._flows) else ROUTER_TIMEOUT_WHILE_FULL

    def _write_down(self) -> None:
        """Takes the place of a router that does not come back."""
        # Only who settles knows that the router has ended: else it may be delivering its buffer right now.
        self._store.take(self._flows, self._buffer if self._settling else None)
        if self._store.fails:
            self._make_room()
        for flow in list(self._flows):
            self._continue(flow)

    def _make_room(self) -> None:
        """Gives up what came first: no container waits for a log store that cannot be written."""
        for flow in self._flows:
            while flow.waiting and flow.held >= self._most():
                self._store.lose(flow)
        # Connections that have ended may be any number.
        while (most := max(self._flows, key=lambda flow: flow.held, default=None)) is not None and most.waiting:
            if sum(flow.held for flow in self._flows) <= HELD_WITHOUT_ROUTER:
                break
            self._store.lose(most)

    def _most(self) -> int:
        """Bytes that are held for each container at most."""
        return HELD if self._watch else max(HELD, HELD_WITHOUT_ROUTER // len(self._flows))

    # containers

    def _listen(self) -> socket.socket | None:
        """Docker's socket; renamed into its place, so that it accepts connections as soon as it is visible. None where
        it cannot be made now."""
        beside = self._path.with_suffix(".new")
        try:
            beside.unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(beside))
            listener.listen(128)
            beside.replace(self._path)
        except OSError as error:
            say(f"the socket of Docker's log driver cannot be made: {error}")
            return None
        self._selector.register(listener, selectors.EVENT_READ)
        return listener

    def _accept(self, listener: socket.socket) -> None:
        try:
            driver, _ = listener.accept()
        except OSError:
            time.sleep(POLL)  # the driver has gone, or waits until there is a file for it
            return
        driver.setblocking(False)
        flow = Flow(driver)
        self._flows.append(flow)
        self._selector.register(driver, selectors.EVENT_READ, flow)

    def _serve(self, flow: Flow, connection: object, events: int) -> None:
        if connection is flow.driver:
            self._read(flow)
        elif connection is flow.router:
            if events & selectors.EVENT_READ and not self._read_answers(flow):
                self._router_closed(flow)
            self._send(flow)

    def _read(self, flow: Flow) -> None:
        data = _read(flow.driver)
        if data is None:
            return
        try:
            if batch := flow.splitter.feed(data):
                flow.take(batch)
        except ValueError as error:
            say(f"a connection is closed: {error}")
            data = b""
        if not data:
            flow.ended = True
            self._close(flow.driver)
        self._send(flow)

    def _send(self, flow: Flow) -> None:
        """Sends what the router has room for."""
        if flow.router is None and self._watch is not None and flow.waiting and flow.resend_at is None:
            flow.router = self._connect()
            if flow.router is not None:
                self._selector.register(flow.router, selectors.EVENT_READ, flow)
        while flow.router is not None:
            if not flow.unsent:
                if not flow.waiting or len(flow.in_flight) >= IN_FLIGHT:
                    break
                chunk, batch = str(next(self._chunks)), flow.waiting.popleft()
                flow.in_flight[chunk] = batch
                flow.unsent = memoryview(batch.sent(chunk))
            try:
                flow.unsent = flow.unsent[flow.router.send(flow.unsent) :]
            except OSError:
                break  # it has no room now, or it has gone: reading says so too
        if flow.router is not None:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if flow.unsent else 0)
            self._selector.modify(flow.router, events, flow)
        self._continue(flow)

    def _continue(self, flow: Flow) -> None:
        """Reads on or lets the container wait; ends what has ended."""
        if flow.ended:
            if not flow.waiting and not flow.in_flight:
                self._lose_router(flow)
                self._flows.remove(flow)
            return
        wanted = flow.held < self._most()
        if wanted and not flow.reading:
            self._selector.register(flow.driver, selectors.EVENT_READ, flow)
        elif not wanted and flow.reading:
            self._selector.unregister(flow.driver)
        flow.reading = wanted

    def _read_answers(self, flow: Flow) -> bool:
        """Takes in what the router has acknowledged; returns whether the connection stands."""
        while flow.router is not None:
            data = _read(flow.router)
            if not data:
                return data is None
            flow.answers.feed(data)
            for chunk in acknowledged(flow.answers):
                batch = flow.in_flight.pop(chunk, None)
                flow.held -= batch.size if batch is not None else 0
        return True

    def _router_closed(self, flow: Flow) -> None:
        """One connection ended: with its router, or alone, if the router did not like what it read."""
        self._lose_router(flow)
        flow.resend_at = time.monotonic() + GRACE

    def _resend(self) -> None:
        for flow in list(self._flows):
            if flow.resend_at is not None and time.monotonic() >= flow.resend_at:
                say("the log router closed a connection; what it had not acknowledged is sent again")
                self._give_back(flow)
                self._send(flow)

    def _give_back(self, flow: Flow) -> None:
        """Puts what was not acknowledged before what is waiting."""
        flow.resend_at = None
        flow.waiting.extendleft(reversed(flow.in_flight.values()))
        flow.in_flight.clear()

    def _listens(self) -> bool:
        connection = self._connect()
        if connection is not None:
            connection.close()
        return connection is not None

    def _lose_router(self, flow: Flow) -> None:
        if flow.router is not None:
            self._close(flow.router)
        flow.router = None
        flow.unsent = memoryview(b"")
        flow.answers = msgpack.Unpacker()

    def _close(self, connection: socket.socket) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(connection)
        connection.close()

    def _is_settled(self) -> bool:
        if self._store.has_failed_for_long():
            return True
        return not self._store.fails and not any(flow.waiting or flow.in_flight for flow in self._flows)


def _read(connection: socket.socket) -> bytes | None:
    """What there is to read, empty at the end; None where there is nothing yet."""
    try:
        return connection.recv(READ)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def main(path: str, router: str, buffer: str, file: str, settled: str, *metadata: str) -> None:
    keep_only(DAC_OVERRIDE)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # it is the first process: others may lose their parent
    fields = dict(entry.split("=", 1) for entry in metadata)
    relay = Relay(Path(path), Path(router), Path(buffer), Path(file), Path(settled), fields)
    signal.signal(signal.SIGUSR1, relay.settle)
    relay.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
