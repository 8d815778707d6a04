"""From packets to connections: bytes in order, and who sent them."""
