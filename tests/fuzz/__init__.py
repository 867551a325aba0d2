"""Hostile input: targets that take any bytes, and the drivers that feed them.

A target is one function from bytes to the name of an outcome. It raises only where a promise is broken. Hypothesis
drives the targets for a minute in the tests; ``python -m tests.fuzz`` drives them for as long as it is told, guided by
coverage where atheris can be had.
"""
