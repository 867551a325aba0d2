"""The chart, rendered by the real Helm, and the container file."""
