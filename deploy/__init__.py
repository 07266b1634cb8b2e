"""Running Dépêche on containers, and the scripts that write what is generated there: `python -m deploy`."""
