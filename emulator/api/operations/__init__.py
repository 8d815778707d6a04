"""The operations: from a request, and what agents say, to an answer."""
