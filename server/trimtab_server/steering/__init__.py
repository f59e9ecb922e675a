"""Snapshots, activation, rollback: what is applied to a deployment, and since when. No gRPC, no torch."""
