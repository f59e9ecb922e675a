"""File formats of steering vectors, one module a format. Each reads files that nobody vouches for."""
