"""What the lessons measure, by stem; `shared` is what several of them measure with."""
