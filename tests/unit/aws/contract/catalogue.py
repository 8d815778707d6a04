"""All checks of the contract."""

from __future__ import annotations

from tests.unit.aws.contract import dynamodb, rest, s3, sns, sqs, sqs_queues
from tests.unit.aws.contract.checks import Check, Checks

SERVICES: tuple[Checks, ...] = (
    *(sqs.check, sqs_queues.check, sns.check, dynamodb.check, s3.check),
    *(rest.ssm, rest.secrets, rest.kms, rest.events, rest.other),
)
ALL: tuple[Check, ...] = tuple(check for service in SERVICES for check in service.all)
