"""What all verbs share: options, registry, errors, completion, interruption."""
