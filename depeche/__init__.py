"""The door: settings, the `depeche` command, the one place that composes processes."""
