"""YAML as Copilot's parser reads it."""
