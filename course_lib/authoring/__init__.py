"""What authors and instructors run.

From texts to notebooks, claims, pictures, slides, teaching notes, and from hand-ins to grades.
"""
