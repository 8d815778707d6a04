"""What a deployment of rendered files would take from what runs: variables and data."""
