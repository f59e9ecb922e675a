"""Typed client of the Trimtab gateway, used by the desktop client, the command line and notebooks."""
