"""The front: listener rules as a HAProxy configuration that behaves as an Application Load Balancer. Pure.

The files of `front_configuration` go into the folder `FOLDER` of a volume that front and agent share; it belongs to
user and group `USER_ID`. A change of targets goes over the admin socket (`reconcile`); a change of `rules_key` is a new
file and a reload (`RELOAD` on the master socket).
"""

from __future__ import annotations

from emulator.frontdoor.access_log import (
    AccessRecord,
    LoadBalancerName,
    alb_line,
    as_json,
    created_at,
    parse_fields,
    parse_record,
    record_key,
    record_of,
)
from emulator.frontdoor.admin import (
    RELOAD,
    SHOW_STAT,
    SHOW_STATE,
    Server,
    parse_show_stat,
    placed,
    reconcile,
    refused,
    reload_problem,
)
from emulator.frontdoor.advice import advice
from emulator.frontdoor.balancers import Balancer
from emulator.frontdoor.explain import Explanation, explain
from emulator.frontdoor.haproxy import (
    CONFIGURATION_FILE,
    SHOW_KEY,
    STATE_FILE,
    FrontFiles,
    front_configuration,
)
from emulator.frontdoor.health import TargetHealth, TargetState, target_health
from emulator.frontdoor.options import (
    ACCESS_LOG_SOCKET,
    ADMIN_SOCKET,
    COMMAND,
    FOLDER,
    MASTER_SOCKET,
    NOFILE,
    RUN_FOLDER,
    USER_ID,
    FrontOptions,
    Https,
    Placement,
    Target,
)

__all__ = [
    "ACCESS_LOG_SOCKET",
    "ADMIN_SOCKET",
    "COMMAND",
    "CONFIGURATION_FILE",
    "FOLDER",
    "MASTER_SOCKET",
    "NOFILE",
    "RELOAD",
    "RUN_FOLDER",
    "SHOW_KEY",
    "SHOW_STAT",
    "SHOW_STATE",
    "STATE_FILE",
    "USER_ID",
    "AccessRecord",
    "Balancer",
    "Explanation",
    "FrontFiles",
    "FrontOptions",
    "Https",
    "LoadBalancerName",
    "Placement",
    "Server",
    "Target",
    "TargetHealth",
    "TargetState",
    "advice",
    "alb_line",
    "as_json",
    "created_at",
    "explain",
    "front_configuration",
    "parse_fields",
    "parse_record",
    "parse_show_stat",
    "placed",
    "reconcile",
    "record_key",
    "record_of",
    "refused",
    "reload_problem",
    "target_health",
]
