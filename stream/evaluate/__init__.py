"""Corpora with truth to figures: the same measure for every change."""
