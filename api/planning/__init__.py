"""Plan runs: asked for, followed, cancelled, and their results read. Knows catalog and demand."""
