"""Simulated days to measure pacers by; see README.md."""
