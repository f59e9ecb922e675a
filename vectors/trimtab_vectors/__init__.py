"""Steering vectors: extraction, formats, evaluation. Usable alone, without server or desktop."""
