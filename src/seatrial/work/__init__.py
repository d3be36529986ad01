"""Work: what a worker does.

`loop` takes units and keeps their claims alive, `review` and `chores` are kinds of work, `place` knows which process is
which, and `speech` is the log.
"""
