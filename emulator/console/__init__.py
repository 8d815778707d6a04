"""`copilot-local console`: a local web page that shows an environment and acts on it."""
