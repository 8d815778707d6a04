"""From a file to the typed manifest of one environment."""
