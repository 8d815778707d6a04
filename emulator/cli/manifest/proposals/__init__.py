"""Verbs that print what is proposed in place of what Copilot deploys."""
