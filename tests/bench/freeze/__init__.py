"""The freeze gate: what the window takes without standing still, one module for each promise."""
