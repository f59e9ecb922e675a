"""Rollouts as pure logic: the locked plan, the Judge, the steps. No SQL, no gRPC, no torch, no clock."""
