"""The stable codes of findings. What each means is its class in `emulator.manifest.findings.catalogue`."""

from __future__ import annotations

from typing import Final, Literal, get_args

Code = Literal[
    "CL100", "CL101", "CL102", "CL103", "CL104", "CL105", "CL106", "CL107", "CL108", "CL109", "CL110", "CL111",
    "CL112", "CL113", "CL114", "CL115", "CL116", "CL117", "CL120", "CL121", "CL122", "CL123", "CL124", "CL125",
    "CL126", "CL127", "CL128", "CL129", "CL130", "CL131", "CL132", "CL133", "CL134", "CL135", "CL136", "CL137",
    "CL138", "CL139", "CL140", "CL141", "CL142", "CL143", "CL144", "CL145", "CL146", "CL147", "CL150", "CL151",
    "CL152", "CL153", "CL154", "CL155", "CL156", "CL157", "CL158", "CL159", "CL160", "CL161", "CL162", "CL163",
    "CL164", "CL165", "CL166", "CL167", "CL701", "CL702", "CL703", "CL704", "CL705", "CL710", "CL711", "CL712",
    "CL713", "CL714", "CL715", "CL716", "CL900", "CL901",
]  # fmt: skip
"""A code of a finding. A code never changes its meaning."""
CODES: Final[tuple[Code, ...]] = get_args(Code)
