"""The demonstration: its clips, its figures and checks, its page, and the command as a person runs it."""
