"""`depeche feeds`: which feeds are polled, how they go, and changes to both. The rules are in `connectors.feeds`."""
