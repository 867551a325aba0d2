"""Operations: log, metrics, probes. Nothing here ever says what a clip holds."""
