"""Servers for development, demonstration and tests: never part of a production route."""
