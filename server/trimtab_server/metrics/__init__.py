"""Figures for Prometheus: no prompt text, and no label whose values a caller can choose."""
