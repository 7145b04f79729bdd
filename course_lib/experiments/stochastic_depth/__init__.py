"""What lesson 08 measures."""
