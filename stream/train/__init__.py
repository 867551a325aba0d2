"""From corpora to the built-in speaker model: voices, rooms, noises, mixtures, and the training loop."""
