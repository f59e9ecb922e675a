"""Work that takes longer than a request: canary runs and extraction."""
