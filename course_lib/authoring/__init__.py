"""What authors and instructors run: from texts to notebooks, claims, pictures, slides, teaching
notes, grades.
"""
