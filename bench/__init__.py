"""What `make bench` runs: the figures of the course, measured side by side in one run.

No part of the package.
"""
