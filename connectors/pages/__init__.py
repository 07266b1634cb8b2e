"""Full text: which entries are followed to their pages, with whose leave, and whether page or feed is the better text.

Asks robots.txt and the reservations of text and data mining before it fetches, reads the page in a process that can
be killed, tells articles from paywalls, consent walls and lists, and publishes the feed's own text wherever the page
gives nothing better. Does not poll feeds, log in, keep cookies or get past any wall.
"""
