"""Feeds: which are subscribed, when each is polled, what a poll came to."""
