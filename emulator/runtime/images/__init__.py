"""Images: resolved, built, pulled; what a log router's image holds."""
