"""What a plant makes: product groups, and steel grades with their history. Knows no other feature."""
