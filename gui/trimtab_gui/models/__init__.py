"""View-models: what the rooms show and do, as QObjects without widgets and without gRPC."""
