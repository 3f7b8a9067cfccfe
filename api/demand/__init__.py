"""What is asked of the plant and laid out already: order forecasts, charge schedule. Knows the catalog."""
