"""Ruin and recreate with simulated annealing on pattern runs, compiled by numba.

A *unit* is what shares one pattern: an order, or all orders of a part.  Its *lines* are the orders in it.
A *run* is a unit on consecutive days.  One iteration takes out a few units, near a late one or near each
other in time (`ruin`), puts each back by best insertion of runs (`recreate`), and accepts the outcome by
annealing (`steps`).  Blinks, places passed over by chance, are those of Christiaens and Vanden Berghe
("Slack induction by string removals", 2020).
"""
