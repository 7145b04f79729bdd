"""Where an answer runs: in the learner's kernel, in a notebook, or in a process of its own."""
