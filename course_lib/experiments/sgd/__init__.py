"""What lesson 00 measures."""
