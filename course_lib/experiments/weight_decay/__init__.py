"""What lesson 03 measures."""
