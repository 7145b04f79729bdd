"""What has no subject of its own: arguments, files, places, seeds, what optimizers share,
progress.
"""
