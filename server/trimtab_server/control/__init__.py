"""Runs rollouts: arms of live traffic, shadow pairs, paired canaries, automatic abort. No gRPC, no torch."""
