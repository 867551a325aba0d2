"""Evidence: who speaks when, and which words identify somebody. Models may be wrong; nothing is decided here."""
