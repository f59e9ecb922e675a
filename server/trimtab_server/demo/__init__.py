"""The story `trimtab demo` tells, through the public API of a real server process."""
