"""ECS Exec: ExecuteCommand, and the data channel of Session Manager that its answer leads to.

`messages` is the channel's protocol, without I/O; `sessions` are those that were begun and not yet opened; `channel`
joins one to a terminal in a container.
"""
