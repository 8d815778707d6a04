"""Listener rules: their regular expressions, and their form in CloudFormation."""
