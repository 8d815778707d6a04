"""copilot-local: AWS Copilot services on your machine, as ECS on Fargate would run them."""

__version__ = "0.1.0"
