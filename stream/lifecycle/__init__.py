"""Whose clip it is: consent, sampling, tokens, erasure, audit. What is decided here is decided before anybody hears."""
