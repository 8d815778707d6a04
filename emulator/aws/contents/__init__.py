"""What the endpoint holds, by the names of manifests and templates: looked at, and changed by hand."""
