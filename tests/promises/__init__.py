"""The promises of the product, each measured by one command: `python -m promises --profile ci`."""
