"""What the command line and the pytest plugin share: from a selection to an `up` request, a trace, findings."""
