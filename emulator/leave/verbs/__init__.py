"""What takes the place of Copilot's verbs: lines of the AWS command line. Pure."""
