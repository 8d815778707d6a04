"""Shell scripts that disturb a task's network from within its namespace, by iptables and tc. Pure.

Source: what the ECS agent runs (`ecs-agent/tmds/handlers/fault/v1/handlers`). Values are numbers, addresses and words
that were checked, so nothing has to be quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from emulator.agent.metadata.fault_requests import LATENCY, LOSS, Blackhole, Disturbance
from emulator.ecs.endpoints import ADDRESS

DEVICE: Final = "eth0"
RUNNING: Final = 3
"""Code of a script that finds a fault of the kind that it prints."""
NOT_HERE: Final = 4
"""Code of a script that needs what the kernel has not, which it prints."""
_LOSS_CHAIN: Final = "network-packet-loss"
_TABLES: Final = "iptables -w 5"
_BANDS: Final = 10
_TO_LAST: Final = " ".join(["2"] * 16)
"""A priomap: what no filter takes goes into the third band, which nothing disturbs."""
# Both kinds stand below the same root, so one at a time runs.
_WHICH: Final = f"""which() {{
  case "$(tc qdisc show dev {DEVICE})" in
    *netem*loss*) echo {LOSS} ;;
    *netem*delay*) echo {LATENCY} ;;
    *) {_TABLES} -n -L {_LOSS_CHAIN} > /dev/null 2>&1 && echo {LOSS} ;;
  esac
}}
"""


def start_blackhole(asked: Blackhole) -> str:
    """Nothing where it runs already."""
    chain, matched = asked.chain, f"-p {asked.protocol} --dport {asked.port}"
    spared = [*asked.spared]
    if asked.traffic == "egress" and asked.port == 80 and asked.protocol == "tcp":
        spared.append(ADDRESS)  # else the task would lose its metadata and its credentials
    lines = [
        f"{_TABLES} -N {chain}",
        # The agent has `-d` for what comes in too, where it never matches.
        *(f"{_TABLES} -A {chain} -p {asked.protocol} -d {one} --dport {asked.port} -j ACCEPT" for one in spared),
        f"{_TABLES} -A {chain} -p {asked.protocol} -d 0.0.0.0/0 --dport {asked.port} -j DROP",
        f"{_TABLES} -I {_parent(asked)} {matched} -j {chain}",
    ]
    return f"{_runs(asked)} && exit 0\n{_all_or_nothing(lines, stop_blackhole(asked))}"


def stop_blackhole(asked: Blackhole) -> str:
    """Nothing where none runs."""
    matched = f"-p {asked.protocol} --dport {asked.port}"
    return (
        f"{_TABLES} -D {_parent(asked)} {matched} -j {asked.chain} 2> /dev/null\n"
        f"{_TABLES} -F {asked.chain} 2> /dev/null\n{_TABLES} -X {asked.chain} 2> /dev/null\n"
        f"! {_runs(asked)}"
    )


def see_blackhole(asked: Blackhole) -> str:
    """Code 0 where it runs, else 1: iptables has another one where there is no such chain."""
    return f"{_runs(asked)} || exit 1"


def start_disturbance(asked: Disturbance) -> str:
    """Code `RUNNING` where one of the two kinds runs, `NOT_HERE` where the kernel cannot."""
    tried = " &&\n".join(_disciplines(asked))
    otherwise = f"echo $said; exit {NOT_HERE}"
    if asked.kind == LOSS and asked.flows == 100:
        otherwise = _start_loss_by_tables(asked)
    return (
        f'{_WHICH}found=$(which); [ -z "$found" ] || {{ echo $found; exit {RUNNING}; }}\n'
        f"said=$({{ {tried}; }} 2>&1) || {{ {_REMOVE_ROOT} 2> /dev/null; {otherwise}; }}"
    )


def stop_disturbance(kind: str) -> str:
    """Nothing where none of the kind runs."""
    tables = (
        f"{_TABLES} -D OUTPUT -j {_LOSS_CHAIN} 2> /dev/null; {_TABLES} -F {_LOSS_CHAIN} 2> /dev/null; "
        f"{_TABLES} -X {_LOSS_CHAIN} 2> /dev/null\n"
    )
    return (
        f'{_WHICH}[ "$(which)" = {kind} ] || exit 0\n{_REMOVE_ROOT} 2> /dev/null\n'
        f'{tables if kind == LOSS else ""}[ "$(which)" != {kind} ]'
    )


def see_disturbance(kind: str) -> str:
    """Code 0 where one of the kind runs."""
    return f'{_WHICH}[ "$(which)" = {kind} ]'


_REMOVE_ROOT: Final = f"tc qdisc del dev {DEVICE} root"


def _disciplines(asked: Disturbance) -> list[str]:
    """What goes to the sources takes the first band of the root."""
    netem = f"netem loss {asked.loss}%" if asked.kind == LOSS else f"netem delay {asked.delay}ms {asked.jitter}ms"
    lines = [f"tc qdisc add dev {DEVICE} root handle 1: prio priomap {_TO_LAST}"]
    if asked.flows == 100:
        lines.append(f"tc qdisc add dev {DEVICE} parent 1:1 handle 100: {netem}")
    else:
        # Connections are spread over ten bands by a hash; a share of these is disturbed.
        lines.append(f"tc qdisc add dev {DEVICE} parent 1:1 handle 100: prio bands {_BANDS}")
        keys = "src,dst,proto,proto-src,proto-dst"
        lines.append(
            f"tc filter add dev {DEVICE} parent 100: protocol ip handle 1 flow hash keys {keys} divisor {_BANDS} "
            "baseclass 100:1"
        )
        for band in range(1, max(1, round(asked.flows / 100 * _BANDS)) + 1):
            lines.append(f"tc qdisc add dev {DEVICE} parent 100:{band:x} handle {100 + band}: {netem}")
    for priority, (addresses, flow) in enumerate(((asked.spared, "1:3"), (asked.sources, "1:1")), start=1):
        lines += [
            f"tc filter add dev {DEVICE} protocol ip parent 1:0 prio {priority} u32 match ip dst {one} flowid {flow}"
            for one in addresses
        ]
    return lines


def _start_loss_by_tables(asked: Disturbance) -> str:
    """Loss of all connections, on a kernel without queueing disciplines that lose packets."""
    lines = [
        f"{_TABLES} -N {_LOSS_CHAIN}",
        *(f"{_TABLES} -A {_LOSS_CHAIN} -d {one} -j RETURN" for one in asked.spared),
        *(
            f"{_TABLES} -A {_LOSS_CHAIN} -d {one} -m statistic --mode random --probability {asked.loss / 100} -j DROP"
            for one in asked.sources
        ),
        f"{_TABLES} -I OUTPUT -j {_LOSS_CHAIN}",
    ]
    undo = f"{_TABLES} -F {_LOSS_CHAIN}; {_TABLES} -X {_LOSS_CHAIN}"
    return f"{_all_or_nothing(lines, undo)}\nexit 0"


def _runs(asked: Blackhole) -> str:
    return f"{_TABLES} -C {_parent(asked)} -p {asked.protocol} --dport {asked.port} -j {asked.chain} 2> /dev/null"


def _parent(asked: Blackhole) -> str:
    return "INPUT" if asked.traffic == "ingress" else "OUTPUT"


def _all_or_nothing(lines: Sequence[str], undo: str) -> str:
    joined = " &&\n".join(lines)
    return f"{{ {joined}; }} || {{ {undo}; exit 1; }} > /dev/null"
