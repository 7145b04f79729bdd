"""What is about the learner: the map, what was done, flash cards, quizzes, and the state of the
machine.
"""
