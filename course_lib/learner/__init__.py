"""About the learner: the map, what was done, flash cards, quizzes, and the machine's state."""
