"""What outlives the process: SQLAlchemy tables, migrations, blobs by content hash. No torch, no gRPC."""
