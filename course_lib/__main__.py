"""``python -m course_lib`` does what ``course`` does."""

from course_lib.cli import main

raise SystemExit(main())
