"""Service Connect: names and served ports of an environment as the configuration of a task's proxy, Envoy. Pure."""
