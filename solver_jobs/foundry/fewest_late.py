"""The fewest late units, pattern changes left out: the late program over whole numbers, by HiGHS.

Beside a search it finds plans that the search seldom finds itself, and a floor of the late cost that is often
above the linear program's.  HiGHS counts in floating point: its floor holds within its tolerances, other than
those of the dual function and of CP-SAT.
"""

import math
import threading
from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt

from .bound import late_step
from .instance import Instance
from .late_program import LateProgram

Ints = npt.NDArray[np.int64]

SLACK = 1e-4
"""How far a bound may lie off for want of digits, in common divisors of the late weights."""


@dataclass(frozen=True, slots=True)
class Fewest:
    """What is known of the fewest late units.

    Attributes
    ----------
    molds
        (n, H) molds on time of the best plan found, changes left out; None where none was found.
    late_cost
        Floor: no plan has a smaller sum of weight x late units.
    """

    molds: Ints | None
    late_cost: int


class _Quiet(highspy.Highs):
    """HiGHS that says nothing: its first line is written as soon as callbacks are enabled."""

    def enableCallbacks(self) -> None:  # noqa: N802 - HiGHS calls it so
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()  # type: ignore[no-untyped-call]


class FewestLate:
    """One solve, in a thread of its own, that other threads can end.

    Parameters
    ----------
    instance
        The problem.
    seconds
        When to end by itself.
    nodes
        Nodes of the tree of cases after which to end; None: as many as it takes.
    """

    def __init__(self, instance: Instance, *, seconds: float, nodes: int | None = None) -> None:
        self._instance, self._seconds, self._nodes = instance, seconds, nodes
        self._step = late_step(instance)
        self._result = Fewest(None, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._solve, name="fewest-late", daemon=True)

    def _prepare(self, program: LateProgram) -> highspy.Highs:
        """Hand the program to HiGHS."""
        highs = _Quiet()  # type: ignore[no-untyped-call]
        options = {
            "threads": 1,
            "time_limit": max(0.01, self._seconds),
            "mip_rel_gap": 0.0,
        }
        if self._nodes is not None:
            options["mip_max_nodes"] = self._nodes
        for name, value in options.items():
            highs.setOptionValue(name, value)
        highs.passModel(self._write(program))
        highs.cbMipInterrupt += self._look
        return highs

    def _write(self, program: LateProgram) -> highspy.HighsLp:
        """Write the program with whole numbers, worth counted in the common divisor of all weights."""
        model = program.model.export_model()
        matrix, rows = model.linear_constraint_matrix, len(model.linear_constraints.ids)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(model.variables.ids), rows
        lp.sense_ = highspy.ObjSense.kMaximize
        # The program's variables of molds come first, those of patterns after them.
        worth = np.zeros(lp.num_col_)
        orders = [o for o, _ in program.columns]
        worth[: len(orders)] = self._instance.weight[orders] // self._step
        lp.col_cost_ = worth
        lp.col_lower_ = np.zeros(lp.num_col_)
        lp.col_upper_ = np.array(model.variables.upper_bounds)
        lp.integrality_ = [highspy.HighsVarType.kInteger] * lp.num_col_
        lp.row_lower_ = np.full(rows, -highspy.kHighsInf)
        lp.row_upper_ = np.array(model.linear_constraints.upper_bounds)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.num_col_, lp.a_matrix_.num_row_ = lp.num_col_, rows
        lp.a_matrix_.start_ = np.searchsorted(np.array(matrix.row_ids), np.arange(rows + 1))
        lp.a_matrix_.index_ = np.array(matrix.column_ids)
        lp.a_matrix_.value_ = np.array(matrix.coefficients)
        return lp

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon with what is known."""
        self._stop.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for the end, `seconds` at most where they are told; whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def result(self) -> Fewest:
        """Tell what is known, once it has ended."""
        return self._result

    def _solve(self) -> None:
        program = LateProgram(self._instance, self._instance.weight.astype(np.float64))
        highs = self._prepare(program)
        if not self._stop.is_set():
            highs.run()
            self._result = self._read(highs, program)

    def _read(self, highs: highspy.Highs, program: LateProgram) -> Fewest:
        info = highs.getInfo()
        kept = int((self._instance.weight * self._instance.remaining).sum())
        most = info.mip_dual_bound
        floor = kept - self._step * math.floor(most + SLACK) if math.isfinite(most) else 0
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return Fewest(None, floor)
        molds = np.zeros_like(self._instance.pinned)
        values = highs.getSolution().col_value
        for (o, d), value in zip(program.columns, values, strict=False):
            molds[o, d] = round(value)
        return Fewest(molds, floor)

    def _look(self, event: highspy.HighsCallbackEvent) -> None:
        """Hand the signal to end on to HiGHS."""
        if self._stop.is_set():
            event.interrupt()
