"""The days on which some order can still be on time, exactly; the days after them as a relaxation.

From the day after the last on which anything can be on time, the *tail*, only pattern changes cost.  There
the program forgets all capacities: what is left of an order is molded in one run.  It also forgets runs that
start in the *head* after the unit's own last day on time: their molds may as well wait for the tail.  Every
plan thus has an image in this program that costs no more, so that its optimum is a floor of the objective,
and the objective itself whenever the tail has room.

Changes telescope: starts + stops = 2 x starts + loaded - on the line at the end.  So stops need no variables.
Where at least as many units are to be molded as there are places, a best plan fills the line to its end (else
some pattern could stay on and spare its stop), which leaves starts and late units to be counted.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .bound import late_step
from .construct import FreeCapacity, complete
from .dual import day_caps
from .instance import Instance
from .rows import Rows
from .score import Layout

Ints = npt.NDArray[np.int64]
Terms = list[tuple[int, int]]


def fills_line(instance: Instance) -> bool:
    """Whether some best plan has patterns on all places at its end: as many units as places are to be molded.

    After the last day with all places taken, a pattern that went off could stay on to the end, which spares
    a stop; without such a day, any pattern could.
    """
    return len(np.unique(instance.unit[instance.remaining > 0])) >= instance.max_patterns


def objective_lattice(instance: Instance) -> tuple[int, int]:
    """Step and offset of what the objective of a best plan can be: a multiple of the step, and the offset.

    Where the line is full at the end and every stop is charged, changes are even or odd for good.
    """
    price = instance.switch_weight
    fixed = fills_line(instance) and instance.charge_day0_stops
    weights = [int(w) for w in instance.weight[instance.remaining > 0]]
    step = math.gcd(*weights, price * (2 if fixed else 1), instance.restart_weight) or 1
    return step, price * (int(instance.loaded.sum()) - instance.max_patterns) if fixed else 0


class HeadModel:
    """Variables, rules and cost of the program; `step` x its cost + `offset` is in units of the objective."""

    def __init__(self, instance: Instance) -> None:
        i = self.instance = instance
        self.rows = Rows()
        least, self._most = day_caps(i)
        self._orders = [int(o) for o in np.flatnonzero(i.remaining > 0)]
        loaded = {int(u) for u in np.flatnonzero(i.loaded)}
        self._units = sorted(loaded | {int(i.unit[o]) for o in self._orders})
        self._members = {u: [o for o in self._orders if i.unit[o] == u] for u in self._units}
        self._due = np.clip(i.last_on_time, -1, i.horizon - 1)
        self._last = {u: max((int(self._due[o]) for o in self._members[u]), default=-1) for u in self._units}
        self.days = range(max([0, *self._last.values()]) + 1)
        self._fills_line = fills_line(i)
        self._make_variables(least)
        self._keep_rules()
        self._weigh()

    def _make_variables(self, least: Ints) -> None:
        """Molds x, pattern on the line y and its start by day of the head; molds, line, start of the tail."""
        i, new = self.instance, self.rows.variable
        self.y = {(u, d): new(1) for u in self._units for d in self.days if self._last[u] >= 0 or i.loaded[u]}
        self.start = {(u, d): new(1) for u, d in self.y if d <= self._last[u]}
        self.x = {
            (o, d): new(int(self._most[o, d]), int(least[o, d]) if d <= self._last[u] else 0)
            for u in self._units
            for o in self._members[u]
            for d in self.days
            if (u, d) in self.y and self._most[o, d] > 0
        }
        self.late = {o: new(int(i.remaining[o])) for o in self._orders}
        self.wait = {o: new(int(i.remaining[o])) for o in self._orders}
        self.tail = {u: new(1) for u in self._units}
        self.begin = {u: new(1) for u in self._units}
        self.end = {} if self._fills_line else {u: new(1) for u in self._units}
        self.restarts = {u: new(i.horizon) for u in self._units} if i.restart_weight else {}

    # Rules

    def _keep_rules(self) -> None:
        for o in self._orders:
            self._mold_what_remains(o)
        for u in self._units:
            self._follow_pattern(u)
            self._run_the_tail(u)
        for d in self.days:
            self._keep_capacities(d)
        if self.end:
            self.rows.add([(end, 1) for end in self.end.values()], upper=self.instance.max_patterns)

    def _molds(self, o: int, last: int) -> Terms:
        """Molds of an order to a day."""
        return [(self.x[o, d], 1) for d in range(last + 1) if (o, d) in self.x]

    def _before(self, u: int, d: int) -> tuple[Terms, int]:
        """Whether the pattern is on the line the day before `d`: a variable, or what is known."""
        if d == 0:
            return [], int(self.instance.loaded[u])
        return ([(self.y[u, d - 1], 1)], 0) if (u, d - 1) in self.y else ([], 0)

    def _starts(self, u: int, last: int) -> Terms:
        """How often the pattern was put on the line to a day, a loaded one that stays counting as one."""
        starts = [(self.start[u, d], 1) for d in range(last + 1) if (u, d) in self.start]
        return [*starts, (self.y[u, 0], 1)] if self.instance.loaded[u] else starts

    def _mold_what_remains(self, o: int) -> None:
        """Quantity, late units, the tail's molds; what one pattern day and one start hold at most.

        With quantity = k c + r and c the most molds of a day on time: sum x <= k (c - r) + r sum y, rounded
        over whole days.
        """
        add, quantity, unit, due = self.rows.add, int(self.instance.remaining[o]), self._unit(o), self._due[o]
        add([*self._molds(o, len(self.days) - 1), (self.wait[o], 1)], lower=quantity, upper=quantity)
        on_time = self._molds(o, int(due))
        add([*on_time, (self.late[o], 1)], lower=quantity, upper=quantity)
        add([(self.wait[o], 1), (self.tail[unit], -quantity)], upper=0)
        for d in self.days:
            if (o, d) in self.x:
                add([(self.x[o, d], 1), (self.y[unit, d], -int(self._most[o, d]))], upper=0)
        if on_time:
            most = int(self._most[o, : due + 1].max())
            whole, rest = divmod(quantity, most)
            days = [(self.y[unit, d], -rest) for d in range(due + 1) if (o, d) in self.x]
            add([*on_time, *days], upper=whole * (most - rest))
            add([*on_time, *((v, -quantity) for v, _ in self._starts(unit, int(due)))], upper=0)

    def _unit(self, o: int) -> int:
        return int(self.instance.unit[o])

    def _follow_pattern(self, u: int) -> None:
        """Start where y rises, on days that are on time for some order; keep the cap of a part."""
        i, add = self.instance, self.rows.add
        for d in self.days:
            if (u, d) not in self.y:
                continue
            before, known = self._before(u, d)
            start = [(self.start[u, d], -1)] if (u, d) in self.start else []
            add([(self.y[u, d], 1), *((v, -c) for v, c in before), *start], upper=known)
            if start:
                add([(self.start[u, d], 1), (self.y[u, d], -1)], upper=0)
                add([(self.start[u, d], 1), *before], upper=1 - known)
            together = [(self.x[o, d], 1) for o in self._members[u] if (o, d) in self.x]
            if len(together) > 1:
                add([*together, (self.y[u, d], -i.same_part_max)], upper=0)

    def _run_the_tail(self, u: int) -> None:
        """Either stay on the line into the tail or start there; with molds left, start at least once."""
        add, last = self.rows.add, len(self.days)
        before, known = self._before(u, last)
        stays = [(v, -c) for v, c in before]
        add([(self.tail[u], 1), (self.begin[u], -1), *stays], upper=known)
        if self.end:
            add([(self.end[u], 1), (self.tail[u], -1)], upper=0)
        if self._members[u]:
            add([*self._starts(u, last - 1), (self.begin[u], 1)], lower=1)
        if u in self.restarts:
            runs = [(self.start[u, d], -1) for d in self.days if (u, d) in self.start]
            add([(self.restarts[u], 1), (self.begin[u], -1), *runs], lower=-1)

    def _keep_capacities(self, d: int) -> None:
        """Places, molds, metal and flasks of a day."""
        i, add = self.instance, self.rows.add
        add([(self.y[u, d], 1) for u in self._units if (u, d) in self.y], upper=i.max_patterns)
        today = [o for o in self._orders if (o, d) in self.x]
        add([(self.x[o, d], 1) for o in today], upper=i.molding_max)
        add([(self.x[o, d], int(i.kg[o])) for o in today], upper=int(i.pour_free[d + 1]))
        for s in range(len(i.flasks)):
            held = [
                (self.x[o, k], 1)
                for o in self._orders
                if i.size[o] == s
                for k in range(max(0, d - int(i.stay[o]) + 1), d + 1)
                if (o, k) in self.x
            ]
            if held:
                add(held, upper=int(i.flasks_free[s, d]))

    # Cost

    def _weigh(self) -> None:
        """Late units, two changes for each start, less one for each pattern on the line at the end."""
        i, price = self.instance, self.instance.switch_weight
        cost = [(late, int(i.weight[o])) for o, late in self.late.items()]
        cost += [(start, 2 * price) for start in (*self.start.values(), *self.begin.values())]
        cost += [(end, -price) for end in self.end.values()]
        cost += [(restarts, i.restart_weight) for restarts in self.restarts.values()]
        self.offset = price * (int(i.loaded.sum()) - (i.max_patterns if self._fills_line else 0))
        if not i.charge_day0_stops:
            for u in np.flatnonzero(i.loaded):
                cost.append((self.y[int(u), 0], price))
                self.offset -= price
        self.step = math.gcd(*(weight for _, weight in cost)) or 1
        self.rows.cost = [(v, weight // self.step) for v, weight in cost if weight]

    def keep_late_floor(self, cost: int) -> None:
        """Cut: the late cost that no plan undercuts.

        A floor of the whole objective is no cut here: it would hide from the solver's linear program that
        its own bound rises.
        """
        step = late_step(self.instance)
        late = [(v, int(self.instance.weight[o]) // step) for o, v in self.late.items()]
        self.rows.add(late, lower=-(-cost // step))

    # Plans

    def image(self, layout: Layout) -> list[int]:
        """Values of the variables for a plan: what runs too late to be on time is moved to the tail."""
        i, value = self.instance, [0] * len(self.rows.upper)
        for u in self._units:
            before = kept = int(i.loaded[u])
            for d in self.days:
                now = int(layout.on[u, d])
                kept = now and (kept if before else int(d <= self._last[u]))
                if kept:
                    value[self.y[u, d]] = 1
                    if not before:
                        value[self.start[u, d]] = 1
                    for o in self._members[u]:
                        if (o, d) in self.x:
                            value[self.x[o, d]] = int(layout.molds[o, d])
                before = now
        for o in self._orders:
            quantity = int(i.remaining[o])
            value[self.late[o]] = quantity - sum(value[v] for v, _ in self._molds(o, int(self._due[o])))
            value[self.wait[o]] = quantity - sum(value[v] for v, _ in self._molds(o, len(self.days) - 1))
        for u in self._units:
            self._image_of_tail(u, layout, value)
        return value

    def _image_of_tail(self, u: int, layout: Layout, value: list[int]) -> None:
        """Line, start and end of a unit in the tail."""
        end = int(layout.on[u, -1])
        waits = any(value[self.wait[o]] for o in self._members[u])
        tail = int(waits or (bool(self.end) and end > 0))
        before, known = self._before(u, len(self.days))
        value[self.tail[u]] = tail
        value[self.begin[u]] = max(0, tail - known - sum(value[v] for v, _ in before))
        if self.end:
            value[self.end[u]] = end
        if u in self.restarts:
            starts = [self.start[u, d] for d in self.days if (u, d) in self.start]
            value[self.restarts[u]] = max(0, value[self.begin[u]] + sum(value[v] for v in starts) - 1)

    def plan(self, value: Callable[[int], int]) -> Layout | None:
        """Complete a solution to a plan: what is on the line at the end of the head goes on, the rest waits.

        None where the tail has no room.
        """
        i, last = self.instance, len(self.days)
        free, molds = FreeCapacity(i), np.zeros((len(i.remaining), i.horizon), np.int64)
        for (o, d), x in self.x.items():
            molds[o, d] = value(x)
            if molds[o, d]:
                free.take(o, d, int(molds[o, d]))
        for o in self._orders:
            on_line = self.y.get((self._unit(o), last - 1))
            left = int(i.remaining[o] - molds[o].sum())
            if not left or on_line is None or not value(on_line):
                continue
            for d in range(last, i.horizon):
                molds[o, d] = m = min(left, free.room_for(o, d)) if i.pinned[o, d] < 0 else 0
                if not m:
                    break
                free.take(o, d, m)
                left -= m
        return complete(i, molds)
