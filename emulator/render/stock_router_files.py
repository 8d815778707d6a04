"""Configuration files that the image aws-for-fluent-bit has, which a log router may name without an image of its own.

Source: aws/aws-for-fluent-bit, folder `configs`, major version 2.
"""

from __future__ import annotations

STOCK_FILES = {
    "/fluent-bit/configs/parse-json.conf": """\
[SERVICE]
    Parsers_File /fluent-bit/parsers/parsers.conf
    Flush 1
    Grace 30

[FILTER]
    Name parser
    Match *
    Key_Name log
    Parser json
    Reserve_Data True
""",
    "/fluent-bit/configs/minimize-log-loss.conf": """\
[SERVICE]
    Flush 1
    Grace 30
""",
    "/fluent-bit/configs/output-metrics-healthcheck.conf": """\
[SERVICE]
    HTTP_Server On
    HTTP_Listen 0.0.0.0
    HTTP_PORT 2020
    Health_Check On
    HC_Errors_Count 5
    HC_Retry_Failure_Count 5
    HC_Period 5
    Grace 30
    Flush 1
""",
}
"""Path in the image to what stands there."""
