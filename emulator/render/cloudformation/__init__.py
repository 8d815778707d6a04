"""A service as a CloudFormation stack: one template that deploys as it stands, without custom resources and Lambda."""
