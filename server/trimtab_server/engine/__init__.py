"""The slot engine: continuous batching with a per-row steering table. No SQL, no gRPC."""
