"""JupyterLab's settings, its kernels and messages, and the course's part of its page."""
