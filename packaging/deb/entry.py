"""What the packaged client runs."""

from trimtab_gui.app import main

raise SystemExit(main())
