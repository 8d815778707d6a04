"""An environment: what its services share, as it is deployed."""
