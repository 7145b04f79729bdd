"""What lesson 07 measures."""
