"""What lesson 04 measures."""
