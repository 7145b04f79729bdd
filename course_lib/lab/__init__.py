"""What the lessons' experiments run on: data sets, the ensemble engine, 2-D surfaces, statistics. Imports stems."""
