"""What there is to say of the command line itself: verbs with their options, the manual page."""
