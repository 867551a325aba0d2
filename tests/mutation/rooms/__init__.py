"""The list, by rooms. A new safety line gets its mutant in the file of its room."""

from __future__ import annotations

from tests.mutation.rooms import auditing, deciding, finding, gating, machine, naming, ordering, standing, wire

MUTANTS = (
    *(deciding.MUTANTS + gating.MUTANTS + finding.MUTANTS),
    *(wire.MUTANTS + machine.MUTANTS),
    *(ordering.MUTANTS + standing.MUTANTS + naming.MUTANTS + auditing.MUTANTS),
)
