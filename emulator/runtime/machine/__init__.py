"""All of a machine's environments together: a list of them, and the removal of what is left of others."""
