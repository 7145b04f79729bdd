"""What lesson 01 measures."""
