"""What experiments of several lessons measure with."""
