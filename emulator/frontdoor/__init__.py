"""The front: listener rules as a HAProxy configuration that behaves as an Application Load Balancer. Pure.

The files of `front_configuration` go into the folder `FOLDER` of a volume that front and agent share; it belongs to
user and group `USER_ID`. A change of targets goes over the admin socket (`reconcile`); a change of `rules_key` is a new
file and a reload (`RELOAD` on the master socket).
"""
