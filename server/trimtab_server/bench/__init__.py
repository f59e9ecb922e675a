"""Speed, as ratios inside one run: machines differ, ratios on one machine at one time mean something."""
