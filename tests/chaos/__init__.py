"""A run of the whole product under faults, a checker of what is left, and mutants of the code."""
