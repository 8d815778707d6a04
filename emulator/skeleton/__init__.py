"""What `copilot-local init` writes: a place for everything that a workspace lacks on this machine."""
