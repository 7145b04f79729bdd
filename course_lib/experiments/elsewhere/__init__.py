"""What lesson 10 measures."""
