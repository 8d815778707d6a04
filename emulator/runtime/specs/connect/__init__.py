"""The proxies of Service Connect: the container in each task, and the files that all of them read."""
