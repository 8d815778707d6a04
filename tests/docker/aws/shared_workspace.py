"""What `everything` of conftest.py has beside topics, queues and an addon of its api: addons of the environment, a job,
databases, and a seed."""

from __future__ import annotations

from tests.unit.render.storage_addons import AURORA, AURORA_PARAMETERS, PARAMETERS

IMPORTS = """\
network:
  vpc:
    security_groups:
      - from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedGroup
variables:
  SHARED_TABLE:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedTable
  SHARED_GROUP:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedGroup
  VPC:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-VpcId
  OF_WORKER:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-WorkersBucket
secrets:
  LOGIN:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedLogin
  WORD:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedWord
"""
"""The part of api's manifest that imports what others export."""
CLIENTS = """\
sidecars:
  postgres-client: {image: "postgres:17", command: &wait ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]}
  mysql-client: {image: "mariadb:11.8", command: *wait}
  redis-client: {image: "valkey/valkey:8", command: *wait}
"""
"""The part for containers that have the clients of databases, from their own images."""
JOB = """\
name: nightly
type: Scheduled Job
image:
  location: busybox:1.37
cpu: 256
memory: 512
on:
  schedule: "@daily"
command:
  - sh
  - -c
  - |
    printf '{"TableName":"%s","Key":{"id":{"S":"runs"}},"UpdateExpression":"ADD n :one",
      "ExpressionAttributeValues":{":one":{"N":"1"}},"ReturnValues":"ALL_NEW"}' "$SHARED_TABLE" >/tmp/update
    target=X-Amz-Target:DynamoDB_20120810.UpdateItem type=Content-Type:application/x-amz-json-1.0
    wget -qO- --header $target --header $type --post-file /tmp/update "$AWS_ENDPOINT_URL"
    echo " $WORD"
variables:
  SHARED_TABLE:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedTable
secrets:
  WORD:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedWord
"""
"""Counts its runs in the environment's table, at once, and prints the item and the secret."""
SHARED = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Vpc: {Type: String}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub ${App}-${Env}-shared
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: shared, VpcId: !Ref Vpc}
  Login:
    Type: AWS::SecretsManager::Secret
    Properties: {SecretString: the-login-of-all}
  Word:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: the-word-of-all}
Outputs:
  TableName: {Value: !Ref Table, Export: {Name: !Sub '${App}-${Env}-SharedTable'}}
  GroupId: {Value: !GetAtt Group.GroupId, Export: {Name: !Sub '${App}-${Env}-SharedGroup'}}
  LoginArn: {Value: !Ref Login, Export: {Name: !Sub '${App}-${Env}-SharedLogin'}}
  WordName: {Value: !Ref Word, Export: {Name: !Sub '${App}-${Env}-SharedWord'}}
"""
SHARED_PARAMETERS = "Parameters:\n  Vpc: !Ref VPC\n"
OF_WORKER = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
Resources:
  Files:
    Type: AWS::S3::Bucket
    Properties:
      Tags: [{Key: table, Value: {'Fn::ImportValue': {'Fn::Sub': '${App}-${Env}-SharedTable'}}}]
  Counts:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
Outputs:
  Counts: {Value: !Ref Counts}
  Bucket: {Value: !Ref Files, Export: {Name: !Sub '${App}-${Env}-WorkersBucket'}}
  Both: {Value: !Join ['/', [!Ref Files, {'Fn::ImportValue': {'Fn::Sub': '${App}-${Env}-SharedTable'}}]]}
"""
MYSQL_ADDON = (
    PARAMETERS
    + """\
Resources:
  shopSecret:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString:
        {SecretStringTemplate: '{"username": "admin"}', GenerateStringKey: password, ExcludeCharacters: '"@/'}
  shop:
    Type: AWS::RDS::DBCluster
    Properties:
      Engine: aurora-mysql
      EngineVersion: 8.0.mysql_aurora.3.02.0
      DatabaseName: shop
      MasterUsername: !Sub '{{resolve:secretsmanager:${shopSecret}::username}}'
      MasterUserPassword: !Sub '{{resolve:secretsmanager:${shopSecret}::password}}'
  attached:
    Type: AWS::SecretsManager::SecretTargetAttachment
    Properties: {SecretId: !Ref shopSecret, TargetId: !Ref shop, TargetType: AWS::RDS::DBCluster}
Outputs:
  shopSecret: {Value: !Ref shopSecret}
"""
)
TOKEN = "a-token-of-words!&#$^<>"
WORDS_ADDON = f"""\
Resources:
  words:
    Type: AWS::ElastiCache::ReplicationGroup
    Properties: {{AuthToken: '{TOKEN}', ReplicationGroupId: words, ReplicationGroupDescription: Words}}
Outputs:
  wordsHost: {{Value: !GetAtt words.PrimaryEndPoint.Address}}
"""
SETTINGS = """\
[seed]
parameters = "seed/ssm.env"

[seed.tables]
"worker/Counts" = "seed/counts.json"

[seed.buckets]
"worker/Files" = "seed/files"

[seed.queues]
"worker/bills" = "seed/events.jsonl"

[seed.databases]
"api/dataDBCluster" = ["seed/schema.sql", "seed/rows.sql"]
"api/shop" = ["seed/shop.sql"]
"""
SCHEMA = "CREATE TABLE words (\n  word text\n);\n"
ROWS = "INSERT INTO words VALUES ('one');\nINSERT INTO words VALUES ('two');\n"
SHOP = "CREATE TABLE things (name text);\nINSERT INTO things VALUES ('it''s');\n"
COPILOT_FILES = {
    "worker/addons/files.yml": OF_WORKER,
    "nightly/manifest.yml": JOB,
    "environments/addons/shared.yml": SHARED,
    "environments/addons/addons.parameters.yml": SHARED_PARAMETERS,
    "api/addons/data.yml": AURORA,
    "api/addons/addons.parameters.yml": AURORA_PARAMETERS,
    "api/addons/mysql.yml": MYSQL_ADDON,
    "api/addons/words.yml": WORDS_ADDON,
}
"""Files below `copilot/`."""
FILES = {
    "copilot-local.toml": SETTINGS,
    "seed/schema.sql": SCHEMA,
    "seed/rows.sql": ROWS,
    "seed/shop.sql": SHOP,
    "seed/counts.json": '[\n{"id": "1", "n": 2},\n{"id": "2"}\n]\n',
    "seed/files/a/b.txt": "content",
    "seed/events.jsonl": '{"Message": "from the start"}\n',
    "seed/ssm.env": "/shop/limit=3\n",
}
"""Files of the workspace."""
