"""Every safety line, broken in turn: some test must fail for each. ``python -m tests.mutation`` or ``make mutants``."""
