"""The stack of an environment, with Copilot's logical ids and exports. Source of both: Copilot, templates/environment
(`cf.yml` and `partials`)."""
