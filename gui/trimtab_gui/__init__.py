"""The Trimtab desktop client."""
