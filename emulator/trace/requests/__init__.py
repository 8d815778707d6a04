"""From connections to requests and their hops."""
