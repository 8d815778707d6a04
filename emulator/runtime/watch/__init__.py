"""`up --watch`."""
