"""A foundry's data: scenarios with their parts, orders, resources and initial state. Knows the catalog."""
