"""The records that log routers delivered."""
