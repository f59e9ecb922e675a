"""The widgets: the bar, the four rooms, and what they are made of."""
