"""Published clips as files for the tools in which people label them."""
