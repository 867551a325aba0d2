"""Recognisers of ours, for what people say: each reads a Scene and returns spans."""
