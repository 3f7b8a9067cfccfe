"""CP-SAT, set so that its proofs hold."""

from ortools.sat.python import cp_model


def new_cp_solver() -> cp_model.CpSolver:
    """Make a CP-SAT solver without the presolve rules that lose best plans.

    With them OR-Tools 9.15 certifies optima that are none, on linear models as ours are
    (github.com/google/or-tools/issues/5293).
    """
    solver = cp_model.CpSolver()
    solver.parameters.presolve_inclusion_work_limit = 0
    return solver
