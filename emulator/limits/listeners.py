"""What Elastic Load Balancing takes in listener rules and health checks: characters, lengths, numbers of values.

Source: the elbv2 API (CreateRule, CreateTargetGroup) and the quotas of the Application Load Balancer's user guide.
"""

from __future__ import annotations

import re
from typing import Final

MOST_VALUES: Final = 5
"""Condition values in one rule."""
LONGEST_REGEX: Final = 128
"""Characters of a regular expression in a condition."""
LONGEST_REWRITE: Final = 1024
"""Characters of a transform's regular expression, and of its replacement."""
PATH: Final = re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&*?]{1,128}")
"""A value of a path condition."""
HOST: Final = re.compile(r"[A-Za-z0-9_\-.*?]{1,128}")
"""A value of a host condition."""
CHECKED_PATH: Final = re.compile(r"/[\x21-\x7e]{0,1023}")
"""What a health check asks for."""
SUCCESS_CODES: Final = re.compile(r"[2-4]\d{2}(-[2-4]\d{2})?(, ?[2-4]\d{2}(-[2-4]\d{2})?)*")
"""The answers of a healthy target over HTTP: 200 to 499."""
GRPC_CODES: Final = re.compile(r"\d{1,2}(-\d{1,2})?(, ?\d{1,2}(-\d{1,2})?)*")
"""Those of a target group for gRPC."""
