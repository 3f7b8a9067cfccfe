"""The forecast: from an order book in groups to heats of each grade.

A pure room: a `ForecastProblem` goes in, a `ForecastResult` comes out. It must not know databases, networks,
Modal, the environment, or the clock.
"""
