"""Generated gRPC stubs of the wire: protos/trimtab/v1/*.proto. Never edited, never committed."""
