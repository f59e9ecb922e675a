"""`python -m trimtab_gui`."""

from trimtab_gui.app import main

if __name__ == "__main__":
    raise SystemExit(main())
