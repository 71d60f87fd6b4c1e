"""The `quintet` command. Imports no numba: it answers at once, with any or every role dead."""
