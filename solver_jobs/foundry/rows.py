"""A program over whole numbers, written once as rows, handed to CP-SAT or to a solver of MathOpt."""

from dataclasses import dataclass, field

import numpy as np
from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model


@dataclass(slots=True)
class Row:
    """Sum of coefficient x variable, within bounds; None: no bound."""

    terms: list[tuple[int, int]]
    lower: int | None = None
    upper: int | None = None


@dataclass(slots=True)
class Rows:
    """A minimisation over whole, non-negative variables."""

    upper: list[int] = field(default_factory=list)
    lower: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    cost: list[tuple[int, int]] = field(default_factory=list)

    def variable(self, upper: int, lower: int = 0) -> int:
        """Add a variable; its number."""
        self.upper.append(upper)
        self.lower.append(lower)
        return len(self.upper) - 1

    def add(
        self, terms: list[tuple[int, int]], *, lower: int | None = None, upper: int | None = None
    ) -> None:
        """Add a constraint."""
        self.rows.append(Row(terms, lower, upper))

    def cp_sat(self) -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
        """Write the same for CP-SAT."""
        model = cp_model.CpModel()
        variables = [
            model.new_int_var(lower, upper, "") for lower, upper in zip(self.lower, self.upper, strict=True)
        ]

        def total(terms: list[tuple[int, int]]) -> object:
            return cp_model.LinearExpr.weighted_sum([variables[v] for v, _ in terms], [c for _, c in terms])

        for row in self.rows:
            lower = cp_model.INT_MIN if row.lower is None else row.lower
            upper = cp_model.INT_MAX if row.upper is None else row.upper
            model.add_linear_constraint(total(row.terms), lower, upper)
        model.minimize(total(self.cost))
        return model, variables

    def mathopt(self) -> tuple[mathopt.Model, list[mathopt.Variable]]:
        """Write the same for MathOpt."""
        model = mathopt.Model()
        variables = [
            model.add_integer_variable(lb=lower, ub=upper)
            for lower, upper in zip(self.lower, self.upper, strict=True)
        ]
        for row in self.rows:
            constraint = model.add_linear_constraint(
                lb=-np.inf if row.lower is None else row.lower, ub=np.inf if row.upper is None else row.upper
            )
            for variable, coefficient in row.terms:
                constraint.set_coefficient(variables[variable], coefficient)
        for variable, cost in self.cost:
            model.objective.set_linear_coefficient(variables[variable], cost)
        model.objective.is_maximize = False
        return model, variables
