"""Containers of databases and caches: how each program is started, asked whether it is ready, and given its account."""
