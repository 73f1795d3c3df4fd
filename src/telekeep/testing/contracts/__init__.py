"""Contracts: what every implementation of a noun must keep, as functions that anybody can run."""
