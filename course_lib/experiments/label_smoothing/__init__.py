"""What lesson 05 measures."""
