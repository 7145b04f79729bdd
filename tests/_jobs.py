"""A generator that notes its steps, and that it was closed."""


def job(log, name, steps=3):
    try:
        for step in range(steps):
            log.append((name, step))
            yield
    finally:
        log.append((name, "closed"))
