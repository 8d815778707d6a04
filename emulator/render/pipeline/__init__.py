"""Pipelines: from stages and stacks to a GitHub workflow or a buildspec. Pure."""
