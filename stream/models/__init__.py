"""The built-in models and their cards."""
