"""What has no subject of its own: arguments, files, places, progress, seeds, optimizers."""
