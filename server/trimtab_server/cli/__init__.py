"""The command line `trimtab`: one module per command group. Torch is imported only where needed."""
