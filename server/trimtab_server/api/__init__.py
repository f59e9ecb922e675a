"""The wire: one thin servicer per service, and one place that registers, authenticates and maps errors."""
