"""What verbs compare between environments."""
