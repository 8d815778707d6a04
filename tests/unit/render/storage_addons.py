"""Addon templates of the shapes that `copilot storage init` leaves behind: a bucket, a table, an Aurora cluster,
of one workload or of the environment. Written for these tests."""

from __future__ import annotations

PARAMETERS = """\
Parameters:
  App: {Type: String, Description: The application's name.}
  Env: {Type: String, Description: The environment's name.}
  Name: {Type: String, Description: The workload's name.}
"""

BUCKET = f"""\
{PARAMETERS}Resources:
  photosBucket:
    Metadata: {{'aws:copilot:description': 'A bucket for photos'}}
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {{Status: Enabled}}
      BucketEncryption:
        ServerSideEncryptionConfiguration: [{{ServerSideEncryptionByDefault: {{SSEAlgorithm: AES256}}}}]
      PublicAccessBlockConfiguration: {{BlockPublicAcls: true, BlockPublicPolicy: true}}
      OwnershipControls: {{Rules: [{{ObjectOwnership: BucketOwnerEnforced}}]}}
  photosBucketPolicy:
    Type: AWS::S3::BucketPolicy
    DeletionPolicy: Retain
    Properties:
      Bucket: !Ref 'photosBucket'
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Sid: OnlyTLS
            Effect: Deny
            Principal: '*'
            Action: 's3:*'
            Resource: [!Sub '${{ photosBucket.Arn}}/*', !Sub '${{ photosBucket.Arn}}']
            Condition: {{Bool: {{'aws:SecureTransport': false}}}}
  photosAccessPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Description: !Sub
        - Lets a task use the bucket ${{Bucket}}
        - {{Bucket: !Ref photosBucket}}
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Sid: Objects
            Effect: Allow
            Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject']
            Resource: !Sub ${{ photosBucket.Arn}}/*
          - Sid: Listing
            Effect: Allow
            Action: s3:ListBucket
            Resource: !Sub ${{ photosBucket.Arn }}
Outputs:
  photosName:
    Description: The bucket's name.
    Value: !Ref photosBucket
  photosAccessPolicy:
    Description: The policy of the task role.
    Value: !Ref photosAccessPolicy
"""

TABLE = f"""\
{PARAMETERS}Resources:
  orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub ${{App}}-${{Env}}-${{Name}}-orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {{AttributeName: customer, AttributeType: "S"}}
        - {{AttributeName: time, AttributeType: "N"}}
        - {{AttributeName: amount, AttributeType: "N"}}
      KeySchema: [{{AttributeName: customer, KeyType: HASH}}, {{AttributeName: time, KeyType: RANGE}}]
      LocalSecondaryIndexes:
        - IndexName: amount
          KeySchema: [{{AttributeName: customer, KeyType: HASH}}, {{AttributeName: amount, KeyType: RANGE}}]
          Projection: {{ProjectionType: ALL}}
  ordersAccessPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Description: !Sub
        - Lets a task use the table ${{Table}}
        - {{Table: !Ref orders}}
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Sid: Table
            Effect: Allow
            Action: ['dynamodb:BatchGet*', 'dynamodb:Query', 'dynamodb:PutItem']
            Resource: !Sub ${{ orders.Arn}}
          - Sid: Indexes
            Effect: Allow
            Action: ['dynamodb:Query', 'dynamodb:Scan']
            Resource: !Sub ${{ orders.Arn}}/index/*
Outputs:
  ordersName: {{Description: The table's name., Value: !Ref orders}}
  ordersAccessPolicy: {{Description: The policy of the task role., Value: !Ref ordersAccessPolicy}}
"""

AURORA = f"""\
{PARAMETERS}  dataDBName:
    Type: String
    Description: The first database of the cluster.
    Default: main
  Owner: {{Type: String}}
Mappings:
  dataEnvScalingConfigurationMap:
    test: {{"DBMinCapacity": 0.5, "DBMaxCapacity": 4}}
    All: {{"DBMinCapacity": 0.5, "DBMaxCapacity": 8}}
Conditions:
  IsProduction: !Equals [!Ref Env, prod]
Resources:
  dataDBSubnetGroup:
    Type: 'AWS::RDS::DBSubnetGroup'
    Properties:
      DBSubnetGroupDescription: The private subnets.
      SubnetIds: !Split [',', {{'Fn::ImportValue': !Sub '${{App}}-${{Env}}-PrivateSubnets'}}]
  dataSecurityGroup:
    Type: 'AWS::EC2::SecurityGroup'
    Properties:
      GroupDescription: !Sub 'Who of ${{Name}} may reach the cluster data.'
      VpcId:
        Fn::ImportValue:
          !Sub '${{App}}-${{Env}}-VpcId'
      Tags: [{{Key: Name, Value: !Sub 'copilot-${{App}}-${{Env}}-${{Name}}-Aurora'}}, {{Key: Owner, Value: !Ref Owner}}]
  dataDBClusterSecurityGroup:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: The cluster data.
      SecurityGroupIngress:
        - ToPort: 5432
          FromPort: 5432
          IpProtocol: tcp
          Description: !Sub 'From the tasks of ${{Name}}.'
          SourceSecurityGroupId: !Ref dataSecurityGroup
      VpcId: {{'Fn::ImportValue': !Sub '${{App}}-${{Env}}-VpcId'}}
  dataAuroraSecret:
    Type: AWS::SecretsManager::Secret
    Properties:
      Description: !Sub User and password of the cluster of ${{AWS::StackName}}
      GenerateSecretString:
        SecretStringTemplate: '{{"username": "postgres"}}'
        GenerateStringKey: "password"
        ExcludePunctuation: true
        PasswordLength: 16
  dataDBClusterParameterGroup:
    Type: 'AWS::RDS::DBClusterParameterGroup'
    Properties:
      Description: !Ref 'AWS::StackName'
      Family: 'aurora-postgresql16'
      Parameters: {{client_encoding: 'UTF8'}}
  dataDBCluster:
    Type: 'AWS::RDS::DBCluster'
    DeletionPolicy: Snapshot
    UpdateReplacePolicy: Snapshot
    Properties:
      MasterUsername: !Join ["", ['{{{{resolve:secretsmanager:', !Ref dataAuroraSecret, ":SecretString:username}}}}"]]
      MasterUserPassword: !Sub '{{{{resolve:secretsmanager:${{dataAuroraSecret}}:SecretString:password}}}}'
      DatabaseName: !Ref dataDBName
      Engine: 'aurora-postgresql'
      DBClusterParameterGroupName: !Ref dataDBClusterParameterGroup
      DBSubnetGroupName: !Ref dataDBSubnetGroup
      DeletionProtection: !If [IsProduction, true, false]
      Port: 5432
      VpcSecurityGroupIds: [!Ref dataDBClusterSecurityGroup]
      ServerlessV2ScalingConfiguration:
        MinCapacity: !FindInMap [dataEnvScalingConfigurationMap, !Ref Env, DBMinCapacity]
        MaxCapacity: !FindInMap [dataEnvScalingConfigurationMap, All, DBMaxCapacity]
  dataDBWriterInstance:
    Type: 'AWS::RDS::DBInstance'
    Properties:
      DBClusterIdentifier: !Ref dataDBCluster
      DBInstanceClass: db.serverless
      Engine: 'aurora-postgresql'
      PromotionTier: 1
      AvailabilityZone: !Select
        - 0
        - !GetAZs
          Ref: AWS::Region
  dataSecretAuroraClusterAttachment:
    Type: AWS::SecretsManager::SecretTargetAttachment
    Properties: {{SecretId: !Ref dataAuroraSecret, TargetId: !Ref dataDBCluster, TargetType: AWS::RDS::DBCluster}}
Outputs:
  dataSecret:
    Description: The secret with user, password and address.
    Value: !Ref dataAuroraSecret
  dataSecurityGroup:
    Description: The security group of the tasks.
    Value: !Ref dataSecurityGroup
"""

AURORA_PARAMETERS = """\
Parameters:
  Owner: !Sub '${WorkloadName}-team'
"""

OF_THE_ENVIRONMENT = f"""\
{PARAMETERS}Resources:
  sharedAccessPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Description: Lets a task use the environment's bucket.
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: ['s3:GetObject', 's3:PutObject']
            Resource: !Sub
              - '${{ Arn }}/*'
              - Arn: !ImportValue {{'Fn::Sub': '${{App}}-${{Env}}-sharedBucketARN'}}
  databaseIngress:
    Type: AWS::EC2::SecurityGroupIngress
    Properties:
      Description: From the environment's services.
      GroupId: {{'Fn::ImportValue': !Sub '${{App}}-${{Env}}-dataDBClusterSecurityGroup'}}
      IpProtocol: tcp
      FromPort: 5432
      ToPort: 5432
      SourceSecurityGroupId: {{'Fn::ImportValue': !Sub '${{App}}-${{Env}}-EnvironmentSecurityGroup'}}
Outputs:
  sharedAccessPolicy: {{Description: The policy of the task role., Value: !Ref sharedAccessPolicy}}
"""
"""What a workload has beside storage of the environment, whose own template exports."""

STORAGE = {"bucket": BUCKET, "table": TABLE, "aurora": AURORA, "environment": OF_THE_ENVIRONMENT}
