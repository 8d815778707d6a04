"""What an environment did while a test ran: output, events, deaths, records."""
