"""What a stack stands on: a VPC of its own account, or an environment that Copilot made."""
