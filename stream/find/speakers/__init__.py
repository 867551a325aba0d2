"""Who speaks when: the built-in model and pyannote pipelines, turned into evidence."""
