"""Parameters, secrets, keys, events and what else programs ask for."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

from tests.unit.aws.contract.checks import VARIES, Checks, Differs
from tests.unit.aws.contract.programs import Aws, code_of, until

ssm = Checks("SSM parameters", "ssm")
secrets = Checks("Secrets Manager", "secret")
kms = Checks("KMS", "kms")
events = Checks("EventBridge", "event")
other = Checks("Others", "other")


@ssm("Parameters are read by path, decrypted.", {"a": "1", "b/c": "2"})
def _(aws: Aws) -> Any:
    path = f"/{aws.name('app')}"
    for name, value in ((f"{path}/a", "1"), (f"{path}/b/c", "2"), (f"{path}x/a", "3")):
        aws.ssm.put_parameter(Name=name, Value=value, Type="SecureString")
    pages = aws.ssm.get_paginator("get_parameters_by_path").paginate(
        Path=path, Recursive=True, WithDecryption=True, PaginationConfig={"PageSize": 1}
    )
    found = [one for page in pages for one in page["Parameters"]]
    return {one["Name"].removeprefix(f"{path}/"): one["Value"] for one in found}


@ssm("A path that is not recursive has what is right below it.", ["a"])
def _(aws: Aws) -> Any:
    path = f"/{aws.name('app')}"
    for name in ("a", "b/c"):
        aws.ssm.put_parameter(Name=f"{path}/{name}", Value="x", Type="String")
    found = aws.ssm.get_parameters_by_path(Path=path)["Parameters"]
    return [one["Name"].removeprefix(f"{path}/") for one in found]


@ssm("A SecureString is not read in the clear without WithDecryption.", False)
def _(aws: Aws) -> Any:
    name = aws.name("parameter")
    aws.ssm.put_parameter(Name=name, Value="word", Type="SecureString")
    return bool(aws.ssm.get_parameter(Name=name)["Parameter"]["Value"] == "word")


@ssm(
    "A parameter that is there is refused without Overwrite, and has versions with it.",
    ("ParameterAlreadyExists", 2, "1"),
)
def _(aws: Aws) -> Any:
    name = aws.name("parameter")
    put = {"Name": name, "Type": "String"}
    aws.ssm.put_parameter(**put, Value="1")
    code = code_of(lambda: aws.ssm.put_parameter(**put, Value="2"))
    version = aws.ssm.put_parameter(**put, Value="2", Overwrite=True)["Version"]
    return code, version, aws.ssm.get_parameter(Name=f"{name}:1")["Parameter"]["Value"]


@ssm("Parameters that are not there are listed, or have AWS's code.", (True, "ParameterNotFound"))
def _(aws: Aws) -> Any:
    name = aws.name("nothing")
    missing = aws.ssm.get_parameters(Names=[name])["InvalidParameters"]
    return missing == [name], code_of(lambda: aws.ssm.get_parameter(Name=name))


@ssm("A name that begins with aws is refused.", "ValidationException")
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.ssm.put_parameter(Name="aws-thing", Value="x", Type="String"))


@ssm("More than ten parameters at once are refused.", "ValidationException")
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.ssm.get_parameters(Names=[f"/a/{number}" for number in range(11)]))


@ssm(
    "An empty value, and one of more than 4096 characters, are refused.",
    (["ValidationException"] * 2, ""),
    moto=Differs((["ValidationException", ""], "ParameterAlreadyExists")),
)
def _(aws: Aws) -> Any:
    put = {"Name": aws.name("parameter"), "Type": "String"}
    wrong = [code_of(partial(aws.ssm.put_parameter, **put, Value=value)) for value in ("", "x" * 4097)]
    return wrong, code_of(lambda: aws.ssm.put_parameter(**put, Value="x" * 4097, Tier="Advanced"))


@secrets("A secret has stages.", ("new", "old"))
def _(aws: Aws) -> Any:
    name, manager = aws.name("secret"), aws.secretsmanager
    manager.create_secret(Name=name, SecretString="old")
    manager.put_secret_value(SecretId=name, SecretString="new")
    read = manager.get_secret_value
    previous = read(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"]
    return read(SecretId=name)["SecretString"], previous


@secrets("A secret's ARN ends in six letters, and finds it.", (True, "x"))
def _(aws: Aws) -> Any:
    name = aws.name("secret")
    arn = aws.secretsmanager.create_secret(Name=name, SecretString="x")["ARN"]
    ending = arn.rpartition(f":{name}-")[2]
    return len(ending) == 6, aws.secretsmanager.get_secret_value(SecretId=arn)["SecretString"]


@secrets("Binary secrets keep their bytes.", b"\x00\xff")
def _(aws: Aws) -> Any:
    name = aws.name("secret")
    aws.secretsmanager.create_secret(Name=name, SecretBinary=b"\x00\xff")
    return aws.secretsmanager.get_secret_value(SecretId=name)["SecretBinary"]


@secrets(
    "A secret that is there is refused, and one that is not has AWS's code.",
    ("ResourceExistsException", "ResourceNotFoundException"),
)
def _(aws: Aws) -> Any:
    name = aws.name("secret")
    aws.secretsmanager.create_secret(Name=name, SecretString="x")
    again = code_of(lambda: aws.secretsmanager.create_secret(Name=name, SecretString="x"))
    return again, code_of(lambda: aws.secretsmanager.get_secret_value(SecretId=name + "-not"))


@secrets("A deleted secret is not read until it is restored.", ("InvalidRequestException", "x"))
def _(aws: Aws) -> Any:
    name, manager = aws.name("secret"), aws.secretsmanager
    manager.create_secret(Name=name, SecretString="x")
    manager.delete_secret(SecretId=name)
    code = code_of(lambda: manager.get_secret_value(SecretId=name))
    manager.restore_secret(SecretId=name)
    return code, manager.get_secret_value(SecretId=name)["SecretString"]


@secrets("A random password has its length, and none of the characters that it must not have.", (40, False))
def _(aws: Aws) -> Any:
    word = aws.secretsmanager.get_random_password(PasswordLength=40, ExcludePunctuation=True)["RandomPassword"]
    return len(word), any(not letter.isalnum() for letter in word)


@secrets("A secret of more than 65,536 characters is refused.", "ValidationException", moto=Differs(""))
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.secretsmanager.create_secret(Name=aws.name("secret"), SecretString="x" * 65_537))


def _key(aws: Aws, **more: Any) -> str:
    return str(aws.kms.create_key(**more)["KeyMetadata"]["KeyId"])


@kms("A key decrypts in its context alone.", (b"x", "InvalidCiphertextException"))
def _(aws: Aws) -> Any:
    key = _key(aws)
    blob = aws.kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"for": "me"})["CiphertextBlob"]
    text = aws.kms.decrypt(CiphertextBlob=blob, EncryptionContext={"for": "me"})["Plaintext"]
    return text, code_of(lambda: aws.kms.decrypt(CiphertextBlob=blob, EncryptionContext={"for": "you"}))


@kms("A data key comes in the clear and encrypted.", (32, True))
def _(aws: Aws) -> Any:
    data = aws.kms.generate_data_key(KeyId=_key(aws), KeySpec="AES_256")
    plain = aws.kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"]
    return len(data["Plaintext"]), plain == data["Plaintext"]


@kms("A key is found by its alias.", True)
def _(aws: Aws) -> Any:
    key, alias = _key(aws), f"alias/{aws.name('key')}"
    aws.kms.create_alias(AliasName=alias, TargetKeyId=key)
    return aws.kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == key


@kms("A key of RSA signs, and the signature is verified.", True)
def _(aws: Aws) -> Any:
    key = _key(aws, KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")
    what = {"KeyId": key, "Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    return aws.kms.verify(**what, Signature=aws.kms.sign(**what)["Signature"])["SignatureValid"]


@kms("A disabled key is refused.", "DisabledException", moto=Differs(""))
def _(aws: Aws) -> Any:
    key = _key(aws)
    aws.kms.disable_key(KeyId=key)
    return code_of(lambda: aws.kms.encrypt(KeyId=key, Plaintext=b"x"))


def _rule(aws: Aws, **target: Any) -> None:
    """A rule for new orders."""
    name = aws.name("rule")
    source = name
    aws.events.put_rule(Name=name, EventPattern=json.dumps({"source": [source], "detail": {"state": ["new"]}}))
    aws.events.put_targets(Rule=name, Targets=[{"Id": "1", **target}])
    for state in ("old", "new"):
        event = {"Source": source, "DetailType": "order", "Detail": json.dumps({"state": state})}
        aws.events.put_events(Entries=[event])


@events("An event that a rule matches comes to a queue.", ["new"], moto=VARIES)
def _(aws: Aws) -> Any:
    url = aws.queue()
    _rule(aws, Arn=aws.queue_arn(url))
    return [json.loads(body)["detail"]["state"] for body in until(lambda: aws.bodies(url))]


@events("A rule's input transformer writes the message.", ['"It is new"'], moto=VARIES)
def _(aws: Aws) -> Any:
    url = aws.queue()
    change = {"InputPathsMap": {"state": "$.detail.state"}, "InputTemplate": '"It is <state>"'}
    _rule(aws, Arn=aws.queue_arn(url), InputTransformer=change)
    return until(lambda: aws.bodies(url))


@events("An event that a rule matches comes to a topic.", ["new"], moto=VARIES)
def _(aws: Aws) -> Any:
    topic, url = aws.subscribed()
    _rule(aws, Arn=topic)
    return [json.loads(message)["detail"]["state"] for message in until(lambda: aws.messages(url))]


@events(
    "An event without a detail is refused by itself, beside one that is taken.",
    (1, True),
)
def _(aws: Aws) -> Any:
    good = {"Source": "x", "DetailType": "t", "Detail": "{}"}
    answer = aws.events.put_events(Entries=[good, {"Source": "x", "DetailType": "t"}])
    return answer["FailedEntryCount"], "ErrorCode" in answer["Entries"][1]


@events(
    "Of an event whose detail is no JSON it is said, and the others come.", ([None, "MalformedDetail", None], ["new"])
)
def _(aws: Aws) -> Any:
    url = aws.queue()
    _rule(aws, Arn=aws.queue_arn(url))
    good = {"Source": "x", "DetailType": "t", "Detail": "{}"}
    answer = aws.events.put_events(Entries=[good, {**good, "Detail": "{'state': 'new'}"}, good])
    codes = [one.get("ErrorCode") for one in answer["Entries"]]
    return codes, [json.loads(body)["detail"]["state"] for body in until(lambda: aws.bodies(url))]


@other("STS: a caller has the account of the ARNs.", True)
def _(aws: Aws) -> Any:
    account = aws.sts.get_caller_identity()["Account"]
    return len(account) == 12 and f":{account}:" in aws.topic()


@other("Logs: events are found by a word, in their order.", ["a word", "last word"])
def _(aws: Aws) -> Any:
    group, now = aws.name("group"), int(time.time() * 1000)
    aws.logs.create_log_group(logGroupName=group)
    aws.logs.create_log_stream(logGroupName=group, logStreamName="s")
    lines = [{"timestamp": now + n, "message": text} for n, text in enumerate(("a word", "other", "last word"))]
    aws.logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=lines)
    found = aws.logs.filter_log_events(logGroupName=group, filterPattern="word")["events"]
    return [one["message"] for one in found]


@other("Kinesis: records of one key are read in order from one shard.", [b"0", b"1", b"2"])
def _(aws: Aws) -> Any:
    name = aws.name("stream")
    aws.kinesis.create_stream(StreamName=name, ShardCount=2)
    until(lambda: aws.kinesis.describe_stream(StreamName=name)["StreamDescription"]["StreamStatus"] == "ACTIVE")
    put = [aws.kinesis.put_record(StreamName=name, Data=str(n).encode(), PartitionKey="k") for n in range(3)]
    [shard] = {one["ShardId"] for one in put}
    where = {"StreamName": name, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = aws.kinesis.get_shard_iterator(**where)["ShardIterator"]
    return [one["Data"] for one in aws.kinesis.get_records(ShardIterator=iterator)["Records"]]


@other("Step Functions: an execution ends with its output.", ("SUCCEEDED", {"a": 1}), moto=VARIES)
def _(aws: Aws) -> Any:
    machine = {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": True}}}
    role = "arn:aws:iam::000000000000:role/r"
    states = aws.stepfunctions
    made = states.create_state_machine(name=aws.name("machine"), definition=json.dumps(machine), roleArn=role)
    run = states.start_execution(stateMachineArn=made["stateMachineArn"], input='{"a": 1}')["executionArn"]

    def ended() -> Any:
        found = states.describe_execution(executionArn=run)
        return found if found["status"] != "RUNNING" else None

    found = until(ended)
    return found["status"], json.loads(found["output"])


@other("Cognito: a user logs in with a password, and not with another.", (True, "NotAuthorizedException"))
def _(aws: Aws) -> Any:
    idp = aws.cognito_idp
    pool = idp.create_user_pool(PoolName=aws.name("pool"))["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    made = idp.create_user_pool_client(UserPoolId=pool, ClientName="web", ExplicitAuthFlows=flows)
    client = made["UserPoolClient"]["ClientId"]
    idp.admin_create_user(UserPoolId=pool, Username="ann", MessageAction="SUPPRESS")
    idp.admin_set_user_password(UserPoolId=pool, Username="ann", Password="Right-1-word", Permanent=True)

    def log_in(word: str) -> Any:
        parameters = {"USERNAME": "ann", "PASSWORD": word}
        return idp.initiate_auth(ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)

    tokens = log_in("Right-1-word").get("AuthenticationResult", {})
    return "IdToken" in tokens, code_of(lambda: log_in("Wrong-1-word"))


@other("SES: a mail of a verified sender is taken, one of another sender is not.", (True, "MessageRejected"))
def _(aws: Aws) -> Any:
    sender = f"{aws.name('ann')}@example.com"
    aws.ses.verify_email_identity(EmailAddress=sender)
    mail = {
        "Destination": {"ToAddresses": [sender]},
        "Message": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "x"}}},
    }
    sent = aws.ses.send_email(Source=sender, **mail)
    return "MessageId" in sent, code_of(lambda: aws.ses.send_email(Source=f"not-{sender}", **mail))


@other("CloudWatch: a metric's values are summed.", [3.0])
def _(aws: Aws) -> Any:
    space, now = aws.name("space"), time.time()
    aws.cloudwatch.put_metric_data(
        Namespace=space, MetricData=[{"MetricName": "m", "Value": value, "Timestamp": now} for value in (1, 2)]
    )
    found = aws.cloudwatch.get_metric_statistics(
        Namespace=space, MetricName="m", StartTime=now - 600, EndTime=now + 600, Period=3600, Statistics=["Sum"]
    )
    return [one["Sum"] for one in found["Datapoints"]]
