"""From `up` to `down`: claims, brings up, joins, watches and takes down an environment."""
