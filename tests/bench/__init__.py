"""The benchmarks whose figures rest on a model: what they compute is held to what has to hold."""
