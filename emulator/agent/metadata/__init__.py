"""The task metadata endpoint, versions 4, 3 and 2, as Fargate's platform 1.4 has it, and what else answers there.

`moments` and `tasks` gather what is known of a task, `documents` and `stats` put it into ECS's shapes (both pure),
`endpoint` answers requests, `server` speaks HTTP. Source: the ECS developer guide, "Task metadata endpoint version 4
for tasks on Fargate", and the ECS agent's handlers for what it leaves out.
"""
