"""The demonstration: real clips through the real service on an embedded broker, and a page to look at."""
