"""What lesson 02 measures."""
