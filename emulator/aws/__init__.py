"""The local AWS endpoint: what runs in the environment's `aws` container, ministack in a server of ours.

What answers is behind a small interface, `driver`: `ministack_app`, or `forwarding` to another endpoint.

Its image is the only place that has ministack; nothing outside this room imports it.
"""
