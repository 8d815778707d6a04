"""Target groups and listener rules from the manifest, and patches of them."""
