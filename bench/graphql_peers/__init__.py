"""Other servers that answer the same questions from the same tables."""
