"""The Trimtab gateway: engine, store, steering, monitoring, API and command line."""
