"""The tenant of a request: its settings and the caller's role. Knows no other feature."""
