"""HAProxy's configuration and its admin socket."""
