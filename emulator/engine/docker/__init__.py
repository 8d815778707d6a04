"""The engine over Docker's API. Nothing outside of this package imports the Docker SDK."""
