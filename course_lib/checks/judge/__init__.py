"""What a task is, what an answer did, and the verdict on it."""
