"""The ECS API on this machine: an HTTP server of the command `copilot-local api` that answers for what runs here.

`wire` speaks AWS's JSON 1.1 and query protocols, `shapes` knows what operations take and give, `operations` answer
them from what agents say, `clusters` finds those. Nothing of AWS is asked.
"""
