"""Measures, side by side in one run, as commands. Never imported by the product."""
