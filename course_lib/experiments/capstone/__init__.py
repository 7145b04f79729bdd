"""What lesson 09 measures."""
