"""Live signals, their thresholds, and the canary set. No gRPC."""
