"""CloudWatch Logs, read only: the streams of containers whose log driver is `awslogs`.

`streams` finds groups and streams and reads them, `patterns` are filter patterns, `operations` answer.
"""
