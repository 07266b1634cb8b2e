"""Fetching over HTTP: one request, many side by side, within manners. Knows nothing of feeds or articles."""
