"""The stable codes of findings. docs/findings.md is this table for readers; a test keeps the two together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for. `silenceable` is False where the finding leaves no usable manifest behind."""

    title: str
    silenceable: bool = True


CODES: Final = {
    "CL100": Code("the file is not readable YAML", silenceable=False),
    "CL101": Code("unknown key"),
    "CL102": Code("key in the wrong place"),
    "CL103": Code("value of the wrong type", silenceable=False),
    "CL104": Code("value that Copilot changes without a word"),
    "CL105": Code("key defined twice", silenceable=False),
    "CL106": Code("required key is missing", silenceable=False),
    "CL107": Code("value that is not allowed", silenceable=False),
    "CL108": Code("older spelling of a key"),
    "CL109": Code("setting without the effect it seems to have"),
    "CL110": Code("variable is not defined", silenceable=False),
    "CL111": Code("text that interpolation turns into a list", silenceable=False),
    "CL112": Code("predefined variable has another value", silenceable=False),
    "CL113": Code("name differs from the folder's"),
    "CL114": Code("content that Copilot does not read"),
    "CL115": Code("ignore comment without effect"),
    "CL116": Code("workload type that does not run on ECS", silenceable=False),
    "CL117": Code("extension of copilot-local"),
    "CL120": Code("keys that exclude each other"),
    "CL121": Code("key that needs another one"),
    "CL122": Code("env_file without the extension .env"),
    "CL123": Code("port claimed twice"),
    "CL124": Code("target container cannot get traffic"),
    "CL125": Code("dependency on a container that is not there"),
    "CL126": Code("dependencies form a circle"),
    "CL127": Code("dependency condition that cannot be met"),
    "CL128": Code("health check on a UDP port"),
    "CL129": Code("listener rule with too many conditions"),
    "CL130": Code("autoscaling that does not fit"),
    "CL131": Code("platform that does not exist"),
    "CL132": Code("Fargate Spot on ARM"),
    "CL133": Code("not available for Windows containers"),
    "CL134": Code("volume that does not fit"),
    "CL135": Code("mount point without a volume"),
    "CL136": Code("name with characters that are not allowed"),
    "CL137": Code("queue or topic settings that do not fit"),
    "CL138": Code("task definition override that is not possible"),
    "CL139": Code("job settings that do not fit"),
    "CL140": Code("Service Connect alias without a port"),
    "CL141": Code("variable that names a service out of reach"),
    "CL142": Code("addon template that does not fit"),
    "CL143": Code("patch of the template that is not possible"),
    "CL144": Code("task definition that ECS refuses"),
    "CL150": Code("task size that Fargate does not have"),
    "CL151": Code("health check outside of the limits"),
    "CL152": Code("variable and secret of one name"),
    "CL153": Code("variable that Copilot sets too"),
    "CL154": Code("value over a limit of ECS"),
    "CL155": Code("container name that does not work"),
    "CL156": Code("retention that CloudWatch does not have"),
    "CL157": Code("placeholder that was never filled in"),
    "CL158": Code("command word that changes when Copilot renders it"),
    "CL159": Code("log router configuration that does not work"),
    "CL160": Code("environment manifest that does not fit"),
    "CL161": Code("pipeline manifest that does not fit"),
    "CL162": Code("file that is not there"),
    "CL701": Code("listener rule that another rule hides"),
}
