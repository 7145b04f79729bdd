"""JupyterLab's settings, and how its server sends messages."""
