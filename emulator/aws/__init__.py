"""The local AWS endpoint: what runs in the environment's `aws` container, moto behind TLS.

Its image is the only place that has moto; nothing outside this room imports it.
"""
