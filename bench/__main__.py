"""`make bench`: the engine beside the plain loop and JAX, then the sliders beside `@interact`, each
in one run.
"""

from bench import engine, widgets

engine.main()
widgets.main()
