"""Tells people what happened: alerts, when there is one, and how it gets to a webhook."""
