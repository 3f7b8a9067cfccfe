"""The Monday replan of a foundry: from orders and the state of the shop to molds per order and working day.

A pure room: a `FoundryProblem` goes in, a `FoundryPlan` comes out. It must not know databases, networks,
Modal, the environment, or the clock; time budget, stop signal and progress listener are handed in.
"""
