"""Two tasks of lesson 10 that have large banks of mistakes: who is decayed, and a block."""
